"""The words of MCP that a plugin's host speaks: eras, capabilities, errors."""

from . import __version__

MODERN = ("2026-07-28",)
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
EXTENSION = "io.hookcast/hooks"

META_VERSION = "io.modelcontextprotocol/protocolVersion"
META_CLIENT_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
META_SERVER_INFO = "io.modelcontextprotocol/serverInfo"

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
UNSUPPORTED_VERSION = -32022
SETUP_FAILED = 1001  # an application's code: MCP keeps the -32xxx ones


class RpcError(Exception):
    """An answer that is an error."""

    def __init__(self, code, message, data=None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def body(self):
        body = {"code": self.code, "message": self.message}
        if self.data is not None:
            body["data"] = self.data
        return body


def _object(value):
    return value if isinstance(value, dict) else {}


def server_info(plugin):
    return {"name": plugin, "version": __version__}


def modern_result(info, **fields):
    """A result as 2026-07-28 wants it."""
    return {"resultType": "complete", "_meta": {META_SERVER_INFO: info}, **fields}


def discover_result(info, hooks):
    """A DiscoverResult. Not cacheable: the hooks depend on the kind that the client named."""
    return modern_result(
        info,
        supportedVersions=list(MODERN),
        capabilities={"extensions": {EXTENSION: _settings(hooks)}},
        serverInfo=info,
        ttlMs=0,
        cacheScope="private",
    )


def initialize_result(info, requested, hooks):
    """An InitializeResult: the version that was asked for, or the newest one known."""
    return {
        "protocolVersion": requested if requested in LEGACY else LEGACY[0],
        "capabilities": {
            "experimental": {EXTENSION: _settings(hooks)},
            "extensions": {EXTENSION: _settings(hooks)},
        },
        "serverInfo": info,
    }


def _settings(hooks):
    return {} if hooks is None else {"hooks": hooks}


def check_modern(params):
    """Raise the RpcError that 2026-07-28 prescribes for a request with missing or foreign `_meta`."""
    meta = _object(_object(params).get("_meta"))
    for key in (META_VERSION, META_CLIENT_CAPABILITIES):
        if key not in meta:
            raise RpcError(INVALID_PARAMS, f"the request's _meta lacks {key}")
    version = meta[META_VERSION]
    if version not in MODERN:
        raise RpcError(
            UNSUPPORTED_VERSION,
            f"protocol version {version} is not supported",
            {"supported": [*MODERN, *LEGACY], "requested": version if isinstance(version, str) else str(version)},
        )


def client_settings(params, legacy):
    """The settings `{"kind", "kind_api_version", "hooks"}` of the client's extension, {} when it has none."""
    if legacy:
        capabilities = _object(_object(params).get("capabilities"))
    else:
        capabilities = _object(_object(_object(params).get("_meta")).get(META_CLIENT_CAPABILITIES))
    for place in ("extensions", "experimental"):
        settings = _object(capabilities.get(place)).get(EXTENSION)
        if isinstance(settings, dict):
            return settings
    return {}


def hook_names(settings):
    """The hook names in `settings` (or in the params of hooks/setup); None when they are not given."""
    hooks = settings.get("hooks")
    if not isinstance(hooks, list):
        return None
    return [name for name in hooks if isinstance(name, str)]
