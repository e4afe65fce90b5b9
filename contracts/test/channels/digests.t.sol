// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {ChannelTest} from "../base/ChannelTest.sol";

contract DigestsTest is ChannelTest {
    function testFuzz_IdsAreOfTheStandard(IPaymentChannels.ChannelConfig calldata config) public view {
        bytes32 typehash = keccak256(
            "ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)"
        );
        vm.assertEq(channels.getChannelId(config), _typed(keccak256(abi.encode(typehash, config))), "id");
    }

    function testFuzz_DigestsAreOfTheStandard(bytes32 id, uint128 most) public view {
        bytes32 typehash = keccak256("Voucher(bytes32 channelId,uint128 maxClaimableAmount)");
        vm.assertEq(channels.getVoucherDigest(id, most), _typed(keccak256(abi.encode(typehash, id, most))), "digest");
    }

    function _typed(bytes32 structHash) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("x402 Batch Settlement"),
                keccak256("1"),
                block.chainid,
                address(channels)
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }
}
