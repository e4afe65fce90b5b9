// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {Test} from "../base/Test.sol";
import {ChannelHandler} from "./ChannelHandler.sol";

contract ChannelInvariantTest is Test {
    ChannelHandler private handler;

    function setUp() public {
        handler = new ChannelHandler();
    }

    /// Read by forge: the contract whose functions it calls at random, and which of them.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](10);
        selectors[0] = handler.deposit.selector;
        selectors[1] = handler.claim.selector;
        selectors[2] = handler.settle.selector;
        selectors[3] = handler.refund.selector;
        selectors[4] = handler.initiateWithdraw.selector;
        selectors[5] = handler.cancelWithdraw.selector;
        selectors[6] = handler.finalizeWithdraw.selector;
        selectors[7] = handler.donate.selector;
        selectors[8] = handler.wait.selector;
        selectors[9] = handler.pause.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    /// One function for both, since forge makes a campaign of its own for each.
    function invariant_MoneyIsConservedAndNoClaimExceedsItsDeposit() public view {
        handler.checkMoney();
        handler.checkChannels();
    }

    /// Called by forge at the end of each run of random calls.
    function afterInvariant() public {
        handler.checkExits();
    }

    /// The handler's random calls would prove nothing if they never got far.
    function test_TheHandlerGetsEverywhere() public {
        bytes32 random = keccak256("channels");
        for (uint256 i; i < 2_500; ++i) {
            random = keccak256(abi.encode(random));
            _step(uint256(random), uint256(keccak256(abi.encode(random, 1))));
            handler.checkMoney();
        }
        handler.checkChannels();
        bytes4[8] memory functions = [
            IPaymentChannels.deposit.selector,
            IPaymentChannels.depositWithAuthorization.selector,
            IPaymentChannels.claim.selector,
            IPaymentChannels.settle.selector,
            IPaymentChannels.refund.selector,
            IPaymentChannels.initiateWithdraw.selector,
            IPaymentChannels.cancelWithdraw.selector,
            IPaymentChannels.finalizeWithdraw.selector
        ];
        for (uint256 i; i < functions.length; ++i) {
            vm.assertTrue(handler.succeeded(functions[i]) >= 3, string.concat("succeeds: ", vm.toString(i)));
            vm.assertTrue(handler.refused(functions[i]) >= 3, string.concat("is refused: ", vm.toString(i)));
        }
        vm.assertTrue(handler.ended() >= 3, "claims end withdrawals");
        vm.assertTrue(handler.diminished() >= 3, "or leave less for them");
        vm.assertTrue(handler.donated() != 0, "and something was donated");
        handler.checkExits();
    }

    function _step(uint256 x, uint256 y) private {
        uint256 kind = (x >> 200) % 13;
        if (kind < 2) handler.deposit(x, y, x >> 64, y >> 255 == 0);
        else if (kind < 5) handler.claim(x, y, x >> 64, y >> 64, y >> 255 == 0);
        else if (kind == 5) handler.settle(x);
        else if (kind == 6) handler.refund(x, y, x >> 64);
        else if (kind == 7) handler.initiateWithdraw(x, y, x >> 64);
        else if (kind == 8) handler.cancelWithdraw(x, y);
        else if (kind == 9) handler.finalizeWithdraw(x, y);
        else if (kind == 10) handler.donate(x, y);
        else if (kind == 11) handler.pause(y);
        else handler.wait(y);
    }
}
