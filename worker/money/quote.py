"""Cost of a job's call: what is reserved before it is sent, and what its answer says that it has cost."""

from dataclasses import dataclass

from models.money.cost import CallShape, ChannelPrice, Charge, Cost
from models.money.estimate import CostEstimate
from models.money.money import Money
from models.outcomes import Billed, CallResult, JobError, Outcome
from models.queries.attempts import AttemptRecord
from models.queries.leases import LeasedJob
from worker.database_retry import retry_while_database_away
from worker.services import WorkerServices
from worker.upstream.charge import charge_of
from worker.upstream.parsing.answer import Answer


@dataclass(frozen=True, slots=True)
class Quote:
    """Price and shape of a call, and what is reserved for it."""

    price: ChannelPrice
    shape: CallShape
    reserved: Money | None = None

    def settle(self, record: AttemptRecord, result: CallResult, answer: Answer | None) -> AttemptRecord:
        """Return the record of a call with its cost, if the call was charged or the answer names the cost."""
        charge = charge_of(answer)
        if result.billed is not Billed.YES and charge.told is None:
            return record
        return record.charged(self.price.settle(self.shape, charge, self.reserved))


async def quote(services: WorkerServices, job: LeasedJob) -> Quote:
    """Return the price of a job's next call, and what is reserved for it.

    For a budget, settled costs of the past outrank the price list.
    """
    costs = services.call_costs
    price, shape = costs.price(job.channel, job.model), costs.shape(job.channel, job.request)
    if not job.budgeted:
        return Quote(price, shape, price.expected(shape))

    async def estimate() -> CostEstimate:
        return await costs.estimate(services.database, job.channel, job.model, shape)

    found = await retry_while_database_away("costs of the past could not be read", estimate)
    return Quote(price, shape, found.reservation)


def recovered_cost(services: WorkerServices, job: LeasedJob, charge: Charge) -> Cost:
    """Return the cost of a call whose lost answer was found by polling."""
    costs = services.call_costs
    price, shape = costs.price(job.channel, job.model), costs.shape(job.channel, job.request)
    return price.settle(shape, charge, None)


def unknown_price_error(job: LeasedJob) -> JobError:
    """Return the error of a job whose channel refuses calls without a known price."""
    return JobError(
        code="price_unknown",
        message=f"The price of {job.model} on {job.channel} is not known, and the channel has unknown_price "
        '= "reject": set prices for the model. Nothing was sent or charged.',
        outcome=Outcome.PERMANENT,
        retryable=True,
    )
