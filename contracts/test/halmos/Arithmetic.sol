// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MarketRules} from "../../src/MarketRules.sol";
import {PaymentChannels} from "../../src/PaymentChannels.sol";
import {ServiceEscrow} from "../../src/ServiceEscrow.sol";
import {TestDollar} from "../../src/TestDollar.sol";
import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {Test} from "../base/Test.sol";

/// Proved by halmos for every value of the arguments, not for some: `python contracts/prove.py halmos`. The real contracts
/// are called; buyer and seller are contracts that sign everything, so no key is needed.
contract ArithmeticTest is Test {
    address private constant ARBITER = address(0xA4B);
    address private constant TREASURY = address(0x74EA);
    MarketRules private rules;
    ServiceEscrow private escrow;
    PaymentChannels private channels;
    TestDollar private dollar;
    AlwaysSigns private seller;
    AlwaysSigns private buyer;

    function setUp() public {
        (seller, buyer) = (new AlwaysSigns(), new AlwaysSigns());
        address[] memory holders = new address[](1);
        uint256[] memory amounts = new uint256[](1);
        (holders[0], amounts[0]) = (address(buyer), 1 << 100);
        dollar = new TestDollar(holders, amounts);
        rules = new MarketRules(address(this), address(0), TREASURY, 0, 0, address(dollar));
        escrow = new ServiceEscrow(rules);
        channels = new PaymentChannels(rules);
        vm.prank(address(buyer));
        dollar.approve(address(escrow), type(uint256).max);
        vm.prank(address(buyer));
        dollar.approve(address(channels), type(uint256).max);
    }

    /// A claim makes and loses nothing, for every price and fee: what leaves the escrow is what came in, and the market
    /// gets the share that the formula says.
    function check_ClaimConservesThePrice(uint96 price, uint16 fee) public {
        vm.assume(price != 0 && fee <= 500);
        IServiceEscrow.Agreement memory a = _delivered(price, fee);
        vm.warp(block.timestamp + 2);
        escrow.claim(a);
        uint256 toSeller = uint256(price) * 10_000 / 10_000;
        assert(dollar.balanceOf(TREASURY) == toSeller * fee / 10_000);
        assert(dollar.balanceOf(address(escrow)) == 0);
        assert(
            dollar.balanceOf(address(seller)) + dollar.balanceOf(TREASURY) + dollar.balanceOf(address(buyer)) == 1 << 100
        );
    }

    /// The market gets its share of the price rounded down, the seller exactly the rest, the buyer nothing.
    function check_ClaimPaysExactly(uint96 price, uint16 fee) public {
        vm.assume(price != 0 && fee <= 500);
        IServiceEscrow.Agreement memory a = _delivered(price, fee);
        vm.warp(block.timestamp + 2);
        escrow.claim(a);
        uint256 taken = dollar.balanceOf(TREASURY);
        assert(taken * 10_000 <= uint256(price) * fee);
        assert(uint256(price) * fee < (taken + 1) * 10_000);
        assert(dollar.balanceOf(address(seller)) == price - taken);
        assert(dollar.balanceOf(address(buyer)) == (1 << 100) - uint256(price));
    }

    /// A ruling gives the seller its share of the price rounded down, and the buyer exactly the rest. (Without a fee: what
    /// the market takes of the seller's share is proved above.)
    function check_RulingPaysExactly(uint96 price, uint16 ruling) public {
        vm.assume(price != 0 && ruling <= 10_000);
        IServiceEscrow.Agreement memory a = _delivered(price, 0);
        vm.prank(address(buyer));
        escrow.dispute(a, "reason", 0, 0, 0, 0);
        vm.prank(ARBITER);
        escrow.rule(a, ruling);
        uint256 toSeller = dollar.balanceOf(address(seller));
        assert(toSeller * 10_000 <= uint256(price) * ruling);
        assert(uint256(price) * ruling < (toSeller + 1) * 10_000);
        assert(dollar.balanceOf(address(buyer)) == (1 << 100) - toSeller);
        assert(dollar.balanceOf(address(escrow)) == 0);
    }

    /// A refund pays the buyer all, whatever the fee.
    function check_RefundPaysAllBack(uint96 price, uint16 fee) public {
        vm.assume(price != 0 && fee <= 500);
        IServiceEscrow.Agreement memory a = _delivered(price, fee);
        vm.prank(address(seller));
        escrow.refund(a);
        assert(dollar.balanceOf(address(buyer)) == 1 << 100);
        assert(dollar.balanceOf(address(escrow)) == 0);
        assert(dollar.balanceOf(address(seller)) + dollar.balanceOf(TREASURY) == 0);
    }

    /// Whatever is claimed of a channel, the receiver gets just that and the payer can have just the rest back.
    function check_AChannelGivesWhatItGot(uint96 deposit, uint96 total, uint96 back) public {
        vm.assume(deposit != 0 && total != 0 && back != 0);
        IPaymentChannels.ChannelConfig memory c = _channel(deposit);
        IPaymentChannels.VoucherClaim[] memory claims = new IPaymentChannels.VoucherClaim[](1);
        claims[0] = IPaymentChannels.VoucherClaim(IPaymentChannels.Voucher(c, total), "", total);
        vm.prank(address(seller));
        (bool claimed,) = address(channels).call(abi.encodeCall(channels.claim, (claims)));
        assert(claimed == (total <= deposit));
        uint256 left = claimed ? deposit - total : deposit;
        vm.prank(address(seller));
        (bool refunded,) = address(channels).call(abi.encodeCall(channels.refund, (c, back)));
        assert(refunded == (back <= left));
        if (claimed) channels.settle(address(seller), address(dollar));
        assert(dollar.balanceOf(address(seller)) == (claimed ? total : 0));
        assert(dollar.balanceOf(address(channels)) == (refunded ? left - back : left));
        assert(
            dollar.balanceOf(address(buyer)) + dollar.balanceOf(address(seller)) + dollar.balanceOf(address(channels)) == 1 << 100
        );
    }

    function _delivered(uint96 price, uint16 fee) private returns (IServiceEscrow.Agreement memory a) {
        rules.setFee(fee);
        a.buyer = address(buyer);
        a.seller = address(seller);
        a.arbiter = ARBITER;
        a.token = address(dollar);
        a.price = price;
        (a.acceptBy, a.deliverBy) = (uint64(block.timestamp), uint64(block.timestamp));
        (a.reviewSeconds, a.rulingSeconds) = (1, 1);
        vm.prank(address(buyer));
        escrow.open(a, "", 0, 0, 0, 0);
        vm.prank(address(seller));
        escrow.accept(a, "");
        vm.prank(address(seller));
        escrow.deliver(a, "result");
    }

    function _channel(uint96 deposit) private returns (IPaymentChannels.ChannelConfig memory c) {
        c.payer = address(buyer);
        c.receiver = address(seller);
        c.token = address(dollar);
        c.withdrawDelay = uint40(15 minutes);
        vm.prank(address(buyer));
        channels.deposit(c, deposit, 0, 0, 0, 0);
    }
}

/// A party that agrees to everything (ERC-1271).
contract AlwaysSigns {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return 0x1626ba7e;
    }
}
