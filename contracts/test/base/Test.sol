// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// What the tests use of forge's cheat codes.
interface Vm {
    struct Gas {
        uint64 gasLimit;
        uint64 gasTotalUsed;
        uint64 gasMemoryUsed;
        int64 gasRefunded;
        uint64 gasRemaining;
    }

    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function assume(bool condition) external pure;
    function warp(uint256 timestamp) external;
    function roll(uint256 number) external;
    function mockCallRevert(address callee, bytes calldata prefix, bytes calldata answer) external;
    function clearMockedCalls() external;
    function snapshotState() external returns (uint256);
    function revertToState(uint256 state) external returns (bool);
    function setBlockhash(uint256 number, bytes32 hash) external;
    function chainId(uint256 id) external;
    function prank(address caller) external;
    function expectRevert() external;
    function expectRevert(bytes calldata data) external;
    function expectEmit(address emitter) external;
    function expectCall(address callee, bytes calldata prefix, uint64 count) external;
    function lastCallGas() external view returns (Gas memory);
    function load(address account, bytes32 slot) external view returns (bytes32);
    function toString(uint256 value) external pure returns (string memory);
    function assertTrue(bool condition, string calldata message) external pure;
    function assertEq(uint256 left, uint256 right, string calldata message) external pure;
    function assertEq(int256 left, int256 right, string calldata message) external pure;
    function assertEq(bytes32 left, bytes32 right, string calldata message) external pure;
    function assertEq(address left, address right, string calldata message) external pure;
    function assertEq(string calldata left, string calldata right, string calldata message) external pure;
    function assertLe(uint256 left, uint256 right, string calldata message) external pure;
}

/// The base of every test; npm's forge-std does not compile here.
abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// The time at which every test starts: any, but far from 0, so that "long ago" exists.
    uint256 internal constant START = 1_700_000_000;

    /// Any number to one from `low` to `high`, both included.
    function _bound(uint256 x, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + x % (high - low + 1);
    }

    function _pack(uint8 v, bytes32 r, bytes32 s) internal pure returns (bytes memory) {
        return abi.encodePacked(r, s, v);
    }

    /// One line of the output of `forge test -vv`.
    function _print(string memory line) internal view {
        (bool ok,) = address(0x000000000000000000636F6e736F6c652e6c6f67).staticcall(
            abi.encodeWithSignature("log(string)", line)
        );
        ok;
    }
}
