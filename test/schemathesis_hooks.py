"""What counts as a server error. Schemathesis calls every error of execution one; ours carry whose fault they are."""

import schemathesis


@schemathesis.check
def every_error_is_the_callers(ctx, response, case):
    """A server error is a 5xx, an error without a code, or one that the server had to mask."""
    assert response.status_code < 500, response.status_code
    for error in response.json().get("errors") or []:
        code = (error.get("extensions") or {}).get("code")
        assert code not in (None, "INTERNAL", "INTERNAL_SERVER_ERROR"), error
