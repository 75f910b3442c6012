"""A FastAPI app behind Mangum: one event loop for each invocation, and none of ours."""

from __future__ import annotations

from fastapi import FastAPI, HTTPException
from mangum import Mangum

from core_backend import SecretError, get_env, get_secrets
from shop.secret_names import DATABASE, STRIPE_API_KEY

app = FastAPI()


@app.get("/charges/{number}")
async def charge(number: int) -> dict[str, object]:
    try:
        api_key, database = await get_secrets(get_env(STRIPE_API_KEY), get_env(DATABASE))
    except SecretError as error:
        raise HTTPException(503, f"not now: {error.secret_id}") from None
    return {"number": number, "live": api_key.startswith("sk_live"), "user": database["user"]}


handler = Mangum(app, lifespan="off")
