// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {MarketRules} from "../../src/MarketRules.sol";
import {ServiceEscrow} from "../../src/ServiceEscrow.sol";
import {TestDollar} from "../../src/TestDollar.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {Test} from "./Test.sol";

/// A buyer with money and an allowance, a seller, an arbiter, and one agreement between them that a test may change.
abstract contract EscrowTest is Test {
    uint256 internal constant BUYER_KEY = 0xB0B;
    uint256 internal constant SELLER_KEY = 0x5E11E5;
    uint256 internal constant FUNDS = 1_000_000e6;
    bytes32 internal constant RESULT = keccak256("the result");
    bytes32 internal constant REASON = keccak256("the reason");

    address internal buyer = vm.addr(BUYER_KEY);
    address internal seller = vm.addr(SELLER_KEY);
    address internal arbiter = vm.addr(0xA4B1);
    address internal stranger = address(0x57A6E4);
    address internal guardian = address(0x6A4D);
    address internal treasury = address(0x74EA);

    MarketRules internal rules;
    ServiceEscrow internal escrow;
    TestDollar internal dollar;
    IServiceEscrow.Agreement internal a;

    function setUp() public virtual {
        vm.warp(START);
        address[] memory holders = new address[](1);
        uint256[] memory amounts = new uint256[](1);
        (holders[0], amounts[0]) = (buyer, FUNDS);
        dollar = new TestDollar(holders, amounts);
        rules = new MarketRules(address(this), guardian, treasury, 0, 1_000, address(dollar));
        escrow = new ServiceEscrow(rules);
        vm.prank(buyer);
        dollar.approve(address(escrow), type(uint256).max);
        a = IServiceEscrow.Agreement({
            buyer: buyer,
            seller: seller,
            arbiter: arbiter,
            token: address(dollar),
            price: 25e6 + 1,
            bond: 0,
            acceptBy: uint64(START + 10 minutes),
            deliverBy: uint64(START + 1 hours),
            reviewSeconds: 600,
            rulingSeconds: 1 days,
            termsHash: keccak256("the terms"),
            salt: keccak256("a salt"),
            bundle: 0,
            previous: 0
        });
    }

    /// Another token for the agreement, which the market allows.
    function _use(address token) internal {
        a.token = token;
        rules.allowToken(token, true);
    }

    // Steps. Signatures are made before a prank: it applies to the next call, whichever that is.

    function _open() internal returns (bytes32) {
        bytes memory signature = _sellerSignature();
        vm.prank(a.buyer);
        return escrow.open(a, signature, 0, 0, 0, 0);
    }

    function _openAndDeliver() internal {
        _open();
        _deliver();
    }

    function _openAndDispute() internal {
        _openAndDeliver();
        _dispute();
    }

    function _deliver() internal {
        vm.prank(a.seller);
        escrow.deliver(a, RESULT);
    }

    function _dispute() internal {
        vm.prank(a.buyer);
        escrow.dispute(a, REASON, 0, 0, 0, 0);
    }

    function _release() internal {
        vm.prank(a.buyer);
        escrow.release(a);
    }

    /// Anyone but `party`: often another party of the deal, which an address drawn at random would never be.
    function _other(address random, address party) internal view returns (address caller) {
        address[4] memory known = [buyer, seller, arbiter, random];
        caller = known[uint160(random) % 4];
        vm.assume(caller != party);
    }

    // Expectations.

    function _refuse(bytes4 selector) internal {
        vm.expectRevert(abi.encodeWithSelector(selector));
    }

    function _refuse(bytes4 selector, uint256 argument) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, argument));
    }

    function _refuse(bytes4 selector, address argument) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, argument));
    }

    function _refuseStatus(IServiceEscrow.Status status) internal {
        vm.expectRevert(abi.encodeWithSelector(IServiceEscrow.Escrow_WrongStatus.selector, status));
    }

    function _refuseFlaw(IServiceEscrow.Flaw flaw) internal {
        vm.expectRevert(abi.encodeWithSelector(IServiceEscrow.Escrow_BadAgreement.selector, flaw));
    }

    function _expectSettled(uint256 toSeller, uint256 toBuyer) internal {
        bytes32 id = escrow.hashAgreement(a);
        vm.expectEmit(address(escrow));
        emit IServiceEscrow.Settled(id, toSeller, toBuyer, 0);
    }

    function _assertDeal(IServiceEscrow.Status status, uint256 since, bytes32 result) internal view {
        (IServiceEscrow.Status gotStatus, uint40 gotSince,, bytes24 gotResult) = escrow.deals(escrow.hashAgreement(a));
        vm.assertEq(uint256(gotStatus), uint256(status), "status");
        vm.assertEq(gotSince, since, "since");
        vm.assertEq(gotResult, bytes24(result), "result");
    }

    function _assertStatus(IServiceEscrow.Status status) internal view {
        (IServiceEscrow.Status got,,,) = escrow.deals(escrow.hashAgreement(a));
        vm.assertEq(uint256(got), uint256(status), "status");
    }

    /// The only deal so far is over and has paid this; nothing else moved.
    function _assertPaid(uint256 toSeller, uint256 toBuyer) internal view {
        vm.assertEq(toSeller + toBuyer, a.price, "the shares add up to the price");
        vm.assertEq(IERC20(a.token).balanceOf(a.seller), toSeller, "to the seller");
        vm.assertEq(IERC20(a.token).balanceOf(a.buyer), FUNDS - a.price + toBuyer, "to the buyer");
        vm.assertEq(IERC20(a.token).balanceOf(address(escrow)), 0, "nothing stays in the escrow");
    }

    // Signatures.

    function _sellerSignature() internal view returns (bytes memory) {
        return _signature(SELLER_KEY, escrow.hashAgreement(a));
    }

    function _signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return _pack(v, r, s);
    }

    function _permit(uint256 key, uint256 value, uint256 deadline) internal view returns (uint8, bytes32, bytes32) {
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 structHash =
            keccak256(abi.encode(typehash, a.buyer, address(escrow), value, dollar.nonces(a.buyer), deadline));
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", dollar.DOMAIN_SEPARATOR(), structHash)));
    }

    function _authorization(uint256 key, bytes32 nonce, uint256 value, uint256 validAfter, uint256 validBefore)
        internal
        view
        returns (uint8, bytes32, bytes32)
    {
        bytes32 typehash = dollar.RECEIVE_WITH_AUTHORIZATION_TYPEHASH();
        bytes32 structHash =
            keccak256(abi.encode(typehash, a.buyer, address(escrow), value, validAfter, validBefore, nonce));
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", dollar.DOMAIN_SEPARATOR(), structHash)));
    }
}
