"""The study's parameters of the contracts are those of contracts that are deployed with nothing said."""

from __future__ import annotations

from typing import Any

import coase
from coase.identity import Identity


async def test_parameters_are_those_of_the_deployed_contracts(need: Any) -> None:
    """Audit rate and jury, read from the chain; and what a jury takes from a stake for work that is worth nothing."""
    need("web3")
    from coase.money import DOLLAR
    from coase.settlement.agent_registry import AgentRegistryClient
    from coase.settlement.allowance import PriceCap
    from coase.settlement.bound import Bound
    from coase.settlement.institutions import deploy_institutions
    from coase.settlement.validator_pool import ValidatorPoolClient
    from coase.testing.chain import DEPLOYER, memory_chain

    study: Any = coase.study("audit_economics")
    buyer, seller, juror = (Identity.from_seed("audit economics", name) for name in ("buyer", "seller", "juror"))
    price, stake = 7 * DOLLAR, 100 * DOLLAR
    async with memory_chain({who.account: 10_000 * DOLLAR for who in (buyer, seller, juror)}) as chain:
        places = await deploy_institutions(chain.outbox(DEPLOYER), chain.contracts)
        rules = Bound(chain.w3, chain.outbox(DEPLOYER), "MarketRules", chain.contracts.rules)
        assert study.audit_rate == await rules.read("auditBasisPoints") / 10_000

        cap = PriceCap(chain.contracts.token, 1_000 * DOLLAR)
        pool, payer = (
            ValidatorPoolClient(chain.w3, chain.outbox(who), places.validators, cap) for who in (juror, buyer)
        )
        registry = AgentRegistryClient(chain.w3, chain.outbox(seller), places.registry, chain.chain_id, cap)
        agent = await registry.register("agent")
        await registry.stake("stake", agent, stake)
        assert len(await pool.join("join", study.jury)) == study.jury
        deal = await chain.disputed(buyer, seller, places.validators, price=price)
        name = chain.client(buyer).digest(deal)
        await registry.freeze("freeze", agent, deal)
        await payer.request("request", deal)
        for number in range(3):  # the block that draws comes
            await registry.set_metadata(f"tick/{number}", agent, "k", bytes([number]))
        await payer.draw("draw", name)
        seats = await pool.places(name)
        assert len(seats) == study.jury  # each seat is drawn at most once
        for place in seats:
            await pool.commit(f"worthless/{place}", name, place, 0)
        await chain.backend.wait_until((await payer.case(name)).commit_end + 1)
        for place in seats:
            await pool.reveal(f"show/{place}", name, place)
        await payer.finish("finish", deal)
        assert (stake - (await registry.stake_of(agent)).amount) / price == study.slash
