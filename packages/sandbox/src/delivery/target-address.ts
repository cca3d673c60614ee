import { unquote } from '@hongbao/core/internal'
import { lookup as resolveName, type LookupAddress, type LookupAllOptions } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { SandboxError } from '../errors.ts'
import { bareHost, isLoopback } from '../http/loopback.ts'

/**
 * Reads the URL of a target. Loopback alone is taken unless others are allowed; a name that is no
 * `localhost` is looked at when it is resolved, by {@link createLookup}.
 *
 * @throws SandboxError `target-invalid`, `target-remote`
 */
export function readTargetUrl(target: unknown, allowRemote: boolean): URL {
  const url = parse(target)
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw invalid(
      `A target is a URL with http: or https:, or a function from Request to Response.${askForUrl(target)}`,
    )
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid('The URL of a target has a user name or a password; Ping++ sends none.')
  }
  const host = bareHost(url.hostname)
  // Linux connects to this machine then, Windows to nothing.
  if (host === '0.0.0.0' || host === '::') {
    throw invalid(`${host} is an address to listen on, not one to send to. Write 127.0.0.1.`)
  }
  if (!allowRemote && isIP(host) !== 0 && !isLoopback(host)) throw remoteTarget(host)
  return url
}

function parse(target: unknown): URL | undefined {
  const text = target instanceof URL ? target.href : target
  const plain = typeof text === 'string' ? unquote(text) : ''
  return URL.canParse(plain) ? new URL(plain) : undefined
}

/** Asks whether a URL was meant: for `3000`, `localhost:3000` and the like. */
function askForUrl(target: unknown): string {
  const [, host = 'localhost', port, path = '/webhooks'] =
    /^(?:([\w.-]+)?:)?(\d{1,5})(\/[\w./-]+)?\/?$/.exec(String(target)) ?? []
  return port === undefined ? '' : ` Did you mean http://${host}:${port}${path}?`
}

/** Both, as `localhost` is often written in the hosts file with one of them alone, and apps listen on either. */
const LOOPBACKS = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

/**
 * Resolves names for connections, and refuses those that lead to other machines.
 *
 * @param resolve what knows the names. Default: the operating system
 */
export function createLookup(allowRemote: boolean, resolve: Resolve = resolveName): LookupFunction {
  return function lookup(hostname, options, callback) {
    if (isLoopback(hostname)) {
      callback(null, LOOPBACKS)
      return
    }
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      const isRefused = !allowRemote && addresses?.some(({ address }) => !isLoopback(address))
      callback(isRefused ? remoteTarget(hostname) : error, addresses)
    })
  }
}

/** As `lookup` of `node:dns` is called here. */
type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/** Notifications carry names and openids, and a typing error must not send them to a stranger. */
function remoteTarget(host: string): SandboxError {
  return new SandboxError(
    'target-remote',
    `The target ${host} is not on this machine. Set \`allowRemote\` (--allow-remote) if that is meant.`,
  )
}

function invalid(message: string): SandboxError {
  return new SandboxError('target-invalid', message)
}
