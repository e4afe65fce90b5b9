// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TestDollar} from "../../src/TestDollar.sol";
import {ITestDollar} from "../../src/interfaces/ITestDollar.sol";
import {DollarTest} from "../base/DollarTest.sol";

contract SupplyTest is DollarTest {
    function test_SaysWhatItIs() public view {
        vm.assertEq(dollar.name(), "Test Dollar", "name");
        vm.assertEq(dollar.symbol(), "TUSD", "symbol");
        vm.assertEq(dollar.decimals(), 6, "decimals");
        vm.assertEq(dollar.DOMAIN_SEPARATOR(), _domainSeparator(), "version 1 of Test Dollar");
    }

    function testFuzz_MintsToEachHolder(uint128[5] calldata shares) public {
        address[] memory holders = new address[](5);
        uint256[] memory amounts = new uint256[](5);
        uint256 sum;
        for (uint256 i; i < 5; ++i) {
            (holders[i], amounts[i]) = (address(uint160(i + 1)), shares[i]);
            sum += shares[i];
        }
        TestDollar fresh = new TestDollar(holders, amounts);
        vm.assertEq(fresh.totalSupply(), sum, "supply");
        for (uint256 i; i < 5; ++i) {
            vm.assertEq(fresh.balanceOf(holders[i]), shares[i], "balance");
        }
    }

    function test_AHolderNamedTwiceGetsBoth() public {
        address[] memory holders = new address[](2);
        uint256[] memory amounts = new uint256[](2);
        (holders[0], holders[1], amounts[0], amounts[1]) = (holder, holder, 1, 2);
        vm.assertEq(new TestDollar(holders, amounts).balanceOf(holder), 3, "both");
    }

    function test_RevertWhen_TheListsDiffer() public {
        vm.expectRevert(abi.encodeWithSelector(ITestDollar.TestDollar_LengthMismatch.selector, 1, 2));
        new TestDollar(new address[](1), new uint256[](2));
    }

    function testFuzz_TransfersKeepTheSupply(address to, uint256 value) public {
        vm.assume(to != address(0) && to != holder);
        value = _bound(value, 0, FUNDS);
        vm.prank(holder);
        dollar.transfer(to, value);
        vm.assertEq(dollar.balanceOf(to), value, "to");
        vm.assertEq(dollar.balanceOf(holder), FUNDS - value, "from");
        vm.assertEq(dollar.totalSupply(), FUNDS, "supply");
    }

    function test_APermitApproves() public {
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        (uint8 v, bytes32 r, bytes32 s) =
            _signStruct(HOLDER_KEY, keccak256(abi.encode(typehash, holder, payee, 7, dollar.nonces(holder), BEFORE)));
        dollar.permit(holder, payee, 7, BEFORE, v, r, s);
        vm.assertEq(dollar.allowance(holder, payee), 7, "allowance");
        vm.assertEq(dollar.nonces(holder), 1, "the permit is used");
    }
}
