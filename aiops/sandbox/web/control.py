"""The control surface: faults, truth, time and misbehaviour. For tests and demonstrations, on loopback only."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aiops.sandbox.web.answers import json_response
from aiops.sandbox.web.misbehaviour import Chaos, Hold, HoldRequest, Misbehaviour
from aiops.sandbox.world import World

Model = TypeVar("Model", bound=BaseModel)
SetOutage = Callable[[bool], Awaitable[None]]


class ClockRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    speed: float = Field(ge=1, le=1000)


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
