import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { CONTROL_VERSION, VERSION_HEADER } from './version.ts'
import { codeOf } from '../error-code.ts'
import { Refusal, type RefusalName } from '../errors.ts'
import REFUSALS from '../refusals.json' with { type: 'json' }
import type { Settings } from '../options.ts'
import { bareHost, hostInUrl, isLoopback } from '../loopback.ts'

/** The `fetch` of a Hono app; the bindings are Node's request and response. */
export type FetchHandler = (
  request: Request,
  bindings: HttpBindings,
) => Response | Promise<Response>

/** The host of `publicUrl` is a name of this server, too. */
export type ListenOptions = Pick<Settings, 'host' | 'port' | 'allowRemote' | 'publicUrl'>

export interface Listening {
  /** `http://host:port`, without a path. */
  readonly url: string
  readonly port: number
  /** Closes the server and all connections. Can be called again. */
  close(): Promise<void>
}

/**
 * Serves over HTTP. A request whose Host is not a name of this server is refused, so that no web page
 * can reach it through a domain that resolves to this machine.
 *
 * @throws SandboxError `host-remote`, `port-taken`, `option-invalid`
 */
export async function listen(handler: FetchHandler, options: ListenOptions): Promise<Listening> {
  const { host, port, allowRemote } = options
  if (!allowRemote && !isLoopback(host)) {
    throw new Refusal('host-remote', { host })
  }
  // By default the library replaces the global Request and Response.
  const answer = getRequestListener(
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the server below only speaks HTTP/1
    (request, bindings) => handler(request, bindings as HttpBindings),
    { overrideGlobalObjects: false },
  )
  const server = createServer(function receive(incoming, outgoing) {
    const refusal = findRefusal(incoming, options)
    if (refusal === undefined) void answer(incoming, outgoing)
    else refuse(outgoing, refusal)
  })
  await bind(server, options)
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  return { url: `http://${hostInUrl(reachable(host))}:${bound}`, port: bound, close }

  async function close(): Promise<void> {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    // Otherwise an event stream, or an answer that a fault holds back, would keep it open.
    server.closeAllConnections()
    await closed
  }
}

async function bind(server: Server, { host, port }: ListenOptions): Promise<void> {
  server.listen({ host: bareHost(host), port })
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw bindingError(cause, host, port)
  }
}

/** An address that a client on this machine can connect to. */
function reachable(host: string): string {
  const name = bareHost(host)
  if (name === '0.0.0.0') return '127.0.0.1'
  return name === '::' ? '::1' : name
}

function findRefusal(incoming: IncomingMessage, options: ListenOptions): RefusalName | undefined {
  // An absolute target would stand in for the Host that was checked (RFC 9112, section 3.2.2).
  if (incoming.url?.startsWith('/') !== true) {
    return 'path-missing'
  }
  if (isOwnName(incoming.headers.host, options)) return undefined
  return options.allowRemote ? 'host-public' : 'host-foreign'
}

// The machine itself, as its containers call it. Docker Desktop and Podman forward them to loopback.
const FROM_CONTAINERS = new Set(['host.docker.internal', 'host.containers.internal'])

// Never in public DNS, so no web page can have one that resolves to this machine: RFC 6762, RFC 8375, and
// ICANN's resolution 2024.07.29.06 on `.internal`.
const PRIVATE_NAME = /^[^.]+$|\.(?:local|internal|home\.arpa)$/

/** Whether a Host header is a name of this server; also that of the proxy; with `allowRemote`, also any name outside public DNS. */
function isOwnName(header: string | undefined, options: ListenOptions): boolean {
  const { host, allowRemote, publicUrl } = options

  const [, name] = /^(\[[\da-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(header ?? '') ?? []
  if (name === undefined) return false
  const asked = bareHost(name)
  if (isLoopback(asked) || asked === bareHost(host) || FROM_CONTAINERS.has(asked)) return true
  if (publicUrl !== undefined && asked === bareHost(new URL(publicUrl).hostname)) return true
  return allowRemote && (isIP(asked) !== 0 || PRIVATE_NAME.test(asked))
}

function refuse(outgoing: ServerResponse, reason: RefusalName): void {
  const { status, code, en: message } = REFUSALS[reason]
  const body = JSON.stringify({ error: { type: 'invalid_request_error', code, message } })
  const headers = {
    'content-type': 'application/json',
    connection: 'close',
    [VERSION_HEADER]: CONTROL_VERSION,
  }
  outgoing.writeHead(status, headers).end(body)
}

/** Error codes of the operating system, by which their sentences are called. */
const BINDING_PROBLEMS = ['EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND'] as const

function bindingError(cause: unknown, host: string, port: number): unknown {
  const code = codeOf(cause)
  const place = `${hostInUrl(bareHost(host))}:${port}`
  const known = BINDING_PROBLEMS.find((each) => each === code)
  const reason = code === 'EADDRINUSE' ? 'port-taken' : known
  return reason === undefined ? cause : new Refusal(reason, { place }, { cause })
}
