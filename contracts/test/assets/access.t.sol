// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {AccessToken} from "../../src/AccessToken.sol";
import {IAssets} from "../../src/interfaces/IAssets.sol";
import {IAccessToken} from "../../src/interfaces/IAccessToken.sol";
import {IMarketRules} from "../../src/interfaces/IMarketRules.sol";
import {AssetsTest} from "../base/AssetsTest.sol";

contract AccessTest is AssetsTest {
    function testFuzz_PaysOwnerAndMarket(uint256 units, uint256 fee) public {
        (units, fee) = (_bound(units, 1, 1_000), _bound(fee, 0, 500));
        rules.setFee(fee);
        uint256 paid = units * PRICE;
        uint256 toMarket = paid * fee / 10_000;
        vm.expectEmit(address(access));
        emit IAccessToken.Bought(buyer, stranger, units, paid, toMarket);
        vm.prank(buyer);
        vm.assertEq(access.buy(units, stranger), paid, "answer");
        vm.assertEq(access.balanceOf(stranger), units, "units");
        vm.assertEq(dollar.balanceOf(treasury), toMarket, "to the market");
        vm.assertEq(dollar.balanceOf(seller), paid - toMarket, "to the owner");
        vm.assertEq(dollar.balanceOf(buyer), FUNDS - paid, "from the buyer");
    }

    function test_PaysTheOwnerOfTheMoment() public {
        vm.prank(seller);
        assets.transferFrom(seller, stranger, assetId);
        vm.prank(buyer);
        access.buy(1, buyer);
        vm.assertEq(dollar.balanceOf(stranger), PRICE, "to the new owner");
    }

    function test_BuysByPermit() public {
        vm.prank(buyer);
        dollar.approve(address(access), 0);
        (uint8 v, bytes32 r, bytes32 s) = _permitFor(address(access), 2 * PRICE);
        vm.prank(buyer);
        access.buyWithPermit(2, buyer, START, v, r, s);
        vm.assertEq(access.balanceOf(buyer), 2, "units");
        (v, r, s) = _permitFor(address(access), PRICE);
        dollar.permit(buyer, address(access), PRICE, START, v, r, s);
        vm.prank(buyer);
        access.buyWithPermit(1, buyer, START, v, r, s);
        vm.assertEq(access.balanceOf(buyer), 3, "units");
    }

    function test_RevertWhen_NoUnitsAreBought() public {
        _refuse(IAccessToken.Access_NoUnits.selector);
        vm.prank(buyer);
        access.buy(0, buyer);
    }

    function test_RevertWhen_ThePriceOverflows() public {
        vm.expectRevert();
        vm.prank(buyer);
        access.buy(type(uint256).max / 2, buyer);
    }

    function test_RevertWhen_TheTokenIsNotAllowed() public {
        rules.allowToken(address(dollar), false);
        _refuse(IMarketRules.Rules_TokenNotAllowed.selector, address(dollar));
        vm.prank(buyer);
        access.buy(1, buyer);
    }

    function test_RevertWhen_TheBuyerCannotPay() public {
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(access), 0, PRICE)
        );
        vm.prank(stranger);
        access.buy(1, stranger);
    }

    function test_BurnsWhatIsRedeemed() public {
        vm.prank(buyer);
        access.buy(5, buyer);
        vm.expectEmit(address(access));
        emit IAccessToken.Redeemed(buyer, 2, keccak256("a request"));
        vm.prank(buyer);
        access.redeem(2, keccak256("a request"));
        vm.assertEq(access.balanceOf(buyer), 3, "left");
        vm.assertEq(access.totalSupply(), 3, "in all");
    }

    function test_RevertWhen_NoUnitsAreRedeemed() public {
        _refuse(IAccessToken.Access_NoUnits.selector);
        access.redeem(0, 0);
    }

    function test_RevertWhen_TooManyAreRedeemed() public {
        vm.prank(buyer);
        access.buy(5, buyer);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, buyer, 5, 6));
        vm.prank(buyer);
        access.redeem(6, 0);
    }

    function test_IsNamedAfterTheAsset() public {
        vm.prank(seller);
        uint256 id = assets.mint(bytes32(uint256(0x0102ABCD) << 224), IAssets.Kind.Model, "");
        vm.prank(seller);
        AccessToken token = AccessToken(assets.offer(id, address(dollar), 1));
        vm.assertEq(token.symbol(), "ACCESS-0x0102abcd", "symbol");
        vm.assertEq(token.name(), "Coase Access", "name");
        vm.assertEq(token.decimals(), 0, "whole units");
    }

    function test_IsPassedOnByPermit() public {
        vm.prank(buyer);
        access.buy(5, buyer);
        vm.assertTrue(
            access.DOMAIN_SEPARATOR() != AccessToken(assets.implementation()).DOMAIN_SEPARATOR(), "its own domain"
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BUYER_KEY, _digest(access.DOMAIN_SEPARATOR(), stranger, 5, 0));
        access.permit(buyer, stranger, 5, START, v, r, s);
        vm.prank(stranger);
        access.transferFrom(buyer, stranger, 5);
        vm.assertEq(access.balanceOf(stranger), 5, "units");
    }

    function test_RevertWhen_TheImplementationIsAsked() public {
        AccessToken code = AccessToken(assets.implementation());
        _refuse(IAccessToken.Access_NotForSale.selector);
        code.buy(1, buyer);
        _refuse(IAccessToken.Access_NotForSale.selector);
        code.price();
    }

    function _permitFor(address spender, uint256 value) private view returns (uint8, bytes32, bytes32) {
        return vm.sign(BUYER_KEY, _digest(dollar.DOMAIN_SEPARATOR(), spender, value, dollar.nonces(buyer)));
    }

    function _digest(bytes32 domain, address spender, uint256 value, uint256 nonce) private view returns (bytes32) {
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 structHash = keccak256(abi.encode(typehash, buyer, spender, value, nonce, START));
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }
}
