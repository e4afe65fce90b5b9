// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Errors} from "@openzeppelin/contracts/utils/Errors.sol";
import {AccessToken} from "../../src/AccessToken.sol";
import {IAssets} from "../../src/interfaces/IAssets.sol";
import {AssetsTest} from "../base/AssetsTest.sol";

contract AssetsMintTest is AssetsTest {
    function test_MintsContentUnderItsHash() public {
        bytes32 content = keccak256("a model");
        vm.expectEmit(address(assets));
        emit IAssets.AssetMinted(uint256(content), stranger, IAssets.Kind.Model, "ipfs://x");
        vm.prank(stranger);
        uint256 id = assets.mint(content, IAssets.Kind.Model, "ipfs://x");
        vm.assertEq(bytes32(id), content, "id");
        vm.assertEq(assets.ownerOf(id), stranger, "owner");
    }

    function test_IsNamedByItsHash() public {
        assets.mint(bytes32(uint256(0xABC)), IAssets.Kind.Dataset, "");
        string memory zeros = "0000000000000000000000000000000000000000000000000000000000000";
        vm.assertEq(assets.tokenURI(0xABC), string.concat("urn:coase:asset:0x", zeros, "abc"), "name");
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 5));
        assets.tokenURI(5);
    }

    function test_RevertWhen_MintedBefore() public {
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721InvalidSender.selector, address(0)));
        assets.mint(CONTENT, IAssets.Kind.Dataset, "");
    }

    function test_RevertWhen_ThereIsNoContent() public {
        _refuse(IAssets.Assets_NoContent.selector);
        assets.mint(0, IAssets.Kind.Dataset, "");
    }

    function testFuzz_OffersAccess(address payToken, uint96 price) public {
        price = uint96(_bound(price, 1, type(uint96).max - 1));
        vm.assume(price != PRICE);
        address expected = assets.accessToken(assetId, payToken, price);
        vm.expectEmit(address(assets));
        emit IAssets.AccessOffered(assetId, expected, payToken, price);
        vm.prank(seller);
        AccessToken token = AccessToken(assets.offer(assetId, payToken, price));
        vm.assertEq(address(token), expected, "address");
        vm.assertEq(token.asset(), assetId, "asset");
        vm.assertEq(token.payToken(), payToken, "currency");
        vm.assertEq(token.price(), price, "price");
    }

    function test_RevertWhen_OfferedTwice() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.FailedDeployment.selector));
        vm.prank(seller);
        assets.offer(assetId, address(dollar), PRICE);
    }

    function testFuzz_RevertWhen_AStrangerOffers(address caller) public {
        caller = _other(caller, seller);
        vm.expectRevert(abi.encodeWithSelector(IAssets.Assets_NotOwner.selector, caller, assetId));
        vm.prank(caller);
        assets.offer(assetId, address(dollar), 1);
    }

    function test_RevertWhen_ThereIsNoPrice() public {
        _refuse(IAssets.Assets_NoPrice.selector);
        vm.prank(seller);
        assets.offer(assetId, address(dollar), 0);
    }
}
