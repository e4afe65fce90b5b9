// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Balances and allowances without a standard: what a call answers is for the token below to say.
abstract contract OddToken {
    mapping(address holder => uint256) public balanceOf;

    constructor(address holder, uint256 amount) {
        balanceOf[holder] = amount;
    }

    function _move(address from, address to, uint256 value) internal {
        balanceOf[from] -= value;
        balanceOf[to] += value;
    }
}

/// Returns nothing, as some large tokens do.
contract NoReturnToken is OddToken {
    constructor(address holder, uint256 amount) OddToken(holder, amount) {}

    function transfer(address to, uint256 value) external {
        _move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external {
        _move(from, to, value);
    }
}

/// Says false, instead of reverting, once it is told to refuse.
contract FalseToken is OddToken {
    bool public refusing;

    constructor(address holder, uint256 amount) OddToken(holder, amount) {}

    function refuse(bool yes) external {
        refusing = yes;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        if (refusing) return false;
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        if (refusing) return false;
        _move(from, to, value);
        return true;
    }
}

/// Answers every call, known or not, with success, and moves nothing.
contract SilentToken is OddToken {
    constructor() OddToken(address(0), 0) {}

    fallback() external {}
}

/// Refuses to pay those on its block list.
contract BlockingToken is OddToken {
    error Blocked(address account);

    mapping(address account => bool) public blocked;

    constructor(address holder, uint256 amount) OddToken(holder, amount) {}

    function setBlocked(address account, bool yes) external {
        blocked[account] = yes;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        if (blocked[to]) revert Blocked(to);
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        _move(from, to, value);
        return true;
    }
}

/// Before it moves anything, it makes one call that an attacker has prepared, and remembers the answer.
/// It agrees to everything as an ERC-1271 account, so it can be the seller, too.
contract HookToken is OddToken {
    /// The holder has too little; `hooked`: the prepared call had succeeded.
    error Broke(bool hooked);

    address public target;
    bytes public prepared;
    bool public succeeded;
    bytes public answer;

    constructor(address holder, uint256 amount) OddToken(holder, amount) {}

    function prepare(address to, bytes calldata call) external {
        (target, prepared) = (to, call);
    }

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
    }

    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return this.isValidSignature.selector;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        _hook();
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        _hook();
        if (balanceOf[from] < value) revert Broke(succeeded);
        _move(from, to, value);
        return true;
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        uint8,
        bytes32,
        bytes32
    ) external {
        _hook();
        _move(from, to, value);
    }

    function _hook() private {
        if (prepared.length == 0) return;
        bytes memory call = prepared;
        delete prepared;
        (succeeded, answer) = target.call(call);
    }
}
