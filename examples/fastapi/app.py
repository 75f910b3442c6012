"""FastAPI behind Mangum: secrets as dependencies, read before the first request."""

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Body, Depends, FastAPI, Header, HTTPException
from mangum import Mangum

from core_backend import SecretName, get_secret, get_secrets, sync_handler

API_KEY = SecretName("api-key")
STRIPE_API_KEY = SecretName("stripe-api-key")


async def stripe_api_key() -> str:
    """Read the key in each request: nearly always from the cache, and never an outdated one."""
    return await get_secret(STRIPE_API_KEY)


async def check_api_key(x_api_key: Annotated[str, Header()]) -> None:
    """Let in only those who send the key."""
    expected = await get_secret(API_KEY)
    if not hmac.compare_digest(x_api_key.encode(), expected.encode()):
        raise HTTPException(401)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Read both secrets at once. Mangum does this before each event, where it is a cache hit."""
    await get_secrets(API_KEY, STRIPE_API_KEY)
    yield


app = FastAPI(lifespan=lifespan, dependencies=[Depends(check_api_key)])


@app.post("/charges")
async def charge(
    amount: Annotated[int, Body(embed=True)], key: Annotated[str, Depends(stripe_api_key)]
) -> dict[str, object]:
    """Charge an amount. The call to Stripe, which takes the key, is left out."""
    return {"charged": amount, "live": key.startswith("sk_live_")}


handler = sync_handler(Mangum(app))
