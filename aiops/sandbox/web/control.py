"""The control surface: faults, truth, time and misbehaviour. For tests and demonstrations, on loopback only."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aiops.sandbox.cluster.documents import Ref
from aiops.sandbox.cluster.resources import BY_KIND
from aiops.sandbox.faults.book import workload_document
from aiops.sandbox.faults.scenarios import Scenario, ScenarioError, scenarios
from aiops.sandbox.web.answers import json_response
from aiops.sandbox.web.misbehaviour import Chaos, Hold, HoldRequest, Misbehaviour
from aiops.sandbox.world import World

Model = TypeVar("Model", bound=BaseModel)
SetOutage = Callable[[bool], Awaitable[None]]


class ClockRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    speed: float = Field(ge=1, le=1000)


class WorkloadRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: str
    namespace: str | None = None
    name: str


class InjectRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    scenario: str
    workload: WorkloadRequest | None = None


class OutageRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    down: bool


class Misunderstood(Exception):
    """A body that is not what the call takes."""


class Control:
    def __init__(self, world: World, chaos: Chaos, hold: Hold, set_outage: SetOutage) -> None:
        self._world = world
        self._chaos = chaos
        self._hold = hold
        self._set_outage = set_outage
        self._is_down = False

    def routes(self) -> list[Route]:
        calls: list[tuple[str, str, Callable[[Request], Awaitable[Any]]]] = [
            ("GET", "/sandbox/scenarios", self.scenarios),
            ("POST", "/sandbox/inject", self.inject),
            ("POST", "/sandbox/reset", self.reset),
            ("GET", "/sandbox/faults", self.faults),
            ("GET", "/sandbox/mutations", self.mutations),
            ("GET", "/sandbox/clock", self.clock),
            ("PUT", "/sandbox/clock", self.set_clock),
            ("GET", "/sandbox/misbehave", self.misbehaviour),
            ("PUT", "/sandbox/misbehave", self.misbehave),
            ("GET", "/sandbox/hold", self.held),
            ("PUT", "/sandbox/hold", self.hold),
            ("DELETE", "/sandbox/hold", self.release),
            ("GET", "/sandbox/outage", self.outage),
            ("PUT", "/sandbox/outage", self.set_outage),
        ]
        return [Route(path, _guarded(call), methods=[method]) for method, path, call in calls]

    async def scenarios(self, request: Request) -> Any:
        return [scenario_document(one) for one in scenarios().values()]

    async def inject(self, request: Request) -> Any:
        asked = await _read(request, InjectRequest)
        target = Ref(asked.workload.kind, asked.workload.namespace or "", asked.workload.name) if asked.workload else None
        if target is not None and target.kind not in BY_KIND:
            raise Misunderstood(f"workload.kind: there is no kind {target.kind}")
        self._world.catch_up()
        try:
            injected = self._world.inject(asked.scenario, target)
        except ScenarioError as error:
            raise Misunderstood(str(error)) from None
        return {"id": injected.id, "scenario": injected.scenario.name, "workload": workload_document(injected.target)}

    async def reset(self, request: Request) -> Any:
        self._world.reset()
        return {"reset": True}

    async def faults(self, request: Request) -> Any:
        return [one.document for one in self._world.faults.injected]

    async def mutations(self, request: Request) -> Any:
        after = request.query_params.get("after", "0")
        if not after.isdigit():
            raise Misunderstood("after is the number of the last line that was seen")
        return [one.document for one in self._world.api.mutations.after(int(after))]

    async def clock(self, request: Request) -> Any:
        return {"speed": self._world.clock.speed, "elapsed_s": round(self._world.clock.elapsed, 3)}

    async def set_clock(self, request: Request) -> Any:
        asked = await _read(request, ClockRequest)
        self._world.catch_up()
        self._world.clock.set_speed(asked.speed)
        return await self.clock(request)

    async def misbehaviour(self, request: Request) -> Any:
        return self._chaos.now.model_dump()

    async def misbehave(self, request: Request) -> Any:
        self._chaos.set(await _read(request, Misbehaviour))
        return self._chaos.now.model_dump()

    async def held(self, request: Request) -> Any:
        return self._hold.document

    async def hold(self, request: Request) -> Any:
        self._hold.set(await _read(request, HoldRequest))
        return self._hold.document

    async def release(self, request: Request) -> Any:
        return {"released": self._hold.release()}

    async def outage(self, request: Request) -> Any:
        return {"down": self._is_down}

    async def set_outage(self, request: Request) -> Any:
        self._is_down = (await _read(request, OutageRequest)).down
        await self._set_outage(self._is_down)
        return {"down": self._is_down}


def scenario_document(scenario: Scenario) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "title": scenario.title,
        "fault": scenario.sort,
        "workload": workload_document(scenario.workload.ref),
        "cures": [cure.action.value for cure in scenario.cures],
        "harms": [harm.action.value for harm in scenario.harms],
        "heals_itself": scenario.heals_itself,
        "relieves": [action.value for action in scenario.relieves],
        "alerts": list(scenario.alerts),
        "how": [{"action": cure.action.value, "parameters": cure.parameters, "when": cure.when} for cure in scenario.cures],
        "why_harmful": [{"action": harm.action.value, "why": harm.why} for harm in scenario.harms],
        "lie": scenario.lie or None,
        "fits": list(scenario.fits),
    }


async def _read(request: Request, model: type[Model]) -> Model:
    raw = await request.body()
    try:
        return model.model_validate(json.loads(raw or b"{}"))
    except ValidationError as error:
        first = error.errors()[0]
        raise Misunderstood(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except ValueError as error:
        raise Misunderstood(f"the body is not JSON: {error}") from None


def _guarded(call: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    """Answers JSON; a page of some website that reaches for loopback is refused."""

    async def endpoint(request: Request) -> Response:
        if "origin" in request.headers or (request.url.hostname or "") not in ("127.0.0.1", "localhost", "::1"):
            return json_response({"detail": "the control surface answers programs on this machine only"}, 403)
        try:
            return json_response(await call(request))
        except Misunderstood as error:
            return json_response({"detail": str(error)}, 422)
        except KeyError as error:
            return json_response({"detail": str(error.args[0])}, 404)

    return endpoint
