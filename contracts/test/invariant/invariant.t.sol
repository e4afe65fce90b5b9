// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {Test} from "../base/Test.sol";
import {Handler} from "./Handler.sol";

contract EscrowInvariantTest is Test {
    Handler private handler;

    function setUp() public {
        handler = new Handler();
    }

    /// Read by forge: the contract whose functions it calls at random.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// One function for both, since forge makes a campaign of its own for each.
    function invariant_MoneyIsConservedAndEveryDealPaysOnce() public view {
        handler.checkMoney();
        handler.checkDeals();
    }

    /// The handler's random calls would prove nothing if they never got far: each function succeeds and is
    /// refused.
    function test_TheHandlerGetsEverywhere() public {
        bytes32 random = keccak256("calls");
        for (uint256 i; i < 4_000; ++i) {
            random = keccak256(abi.encode(random));
            _step(uint256(random), uint256(keccak256(abi.encode(random, 1))));
            if (i % 16 == 0) handler.checkMoney();
        }
        handler.checkMoney();
        handler.checkDeals();
        bytes4[12] memory functions = [
            IServiceEscrow.open.selector,
            IServiceEscrow.openWithAuthorization.selector,
            IServiceEscrow.openBundle.selector,
            IServiceEscrow.accept.selector,
            IServiceEscrow.settle.selector,
            IServiceEscrow.deliver.selector,
            IServiceEscrow.release.selector,
            IServiceEscrow.claim.selector,
            IServiceEscrow.refund.selector,
            IServiceEscrow.dispute.selector,
            IServiceEscrow.rule.selector,
            IServiceEscrow.settleUnruled.selector
        ];
        for (uint256 i; i < functions.length; ++i) {
            vm.assertTrue(handler.succeeded(functions[i]) >= 3, string.concat("succeeds: ", vm.toString(i)));
            vm.assertTrue(handler.refused(functions[i]) >= 3, string.concat("is refused: ", vm.toString(i)));
        }
        vm.assertTrue(handler.donated() != 0, "and something was donated");
    }

    function _step(uint256 x, uint256 y) private {
        uint256 kind = (x >> 200) % 15;
        if (kind == 0) handler.open(x, uint96(y), x & 1 == 0);
        else if (kind == 1) handler.deliver(x, y);
        else if (kind == 2) handler.release(x, y);
        else if (kind == 3) handler.claim(x, y);
        else if (kind == 4) handler.refund(x, y);
        else if (kind == 5) handler.dispute(x, y);
        else if (kind == 6) handler.rule(x, y, x >> 64);
        else if (kind == 7) handler.settleUnruled(x, y);
        else if (kind == 8) handler.openAgain(x);
        else if (kind == 9) handler.donate(x, y);
        else if (kind == 10) handler.openBundle(x, uint96(y));
        else if (kind == 11) handler.accept(x, y, x & 1 == 0);
        else if (kind == 12) handler.settle(x, y, x >> 64, y >> 64);
        else if (kind == 13) handler.pause(y);
        else handler.wait(x);
    }
}
