import { unquote } from '@hongbao/core/internal'
import { lookup as resolveName, type LookupAddress, type LookupAllOptions } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Refusal } from '../errors.ts'
import { bareHost, fullAddress, isLoopback } from '../loopback.ts'

/**
 * Reads the URL of a target. Only loopback is accepted unless others are allowed; names other than
 * `localhost` are checked when they are resolved, by {@link createLookup}.
 *
 * @throws SandboxError `target-invalid`, `target-remote`
 */
export function readTargetUrl(target: unknown, allowRemote: boolean): URL {
  const url = parse(target)
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    const full = fullAddress(String(target))
    const suggestion = full === undefined ? '' : ` Did you mean ${full}?`
    throw new Refusal('target-no-url', { suggestion })
  }
  if (url.username !== '' || url.password !== '') {
    throw new Refusal('target-credentials')
  }
  const host = bareHost(url.hostname)
  // Linux connects to this machine then, Windows to nothing.
  if (host === '0.0.0.0' || host === '::') {
    throw new Refusal('target-unspecified', { host })
  }
  // Notifications have names and openids, which must not go to another machine by a typing error.
  if (!allowRemote && isIP(host) !== 0 && !isLoopback(host)) {
    throw new Refusal('target-remote', { host })
  }
  return url
}

function parse(target: unknown): URL | undefined {
  const text = target instanceof URL || typeof target === 'string' ? unquote(String(target)) : ''
  return URL.canParse(text) ? new URL(text) : undefined
}

/** Both: the hosts file often has only one of them for `localhost`, and apps listen on either. */
const LOOPBACKS = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

/**
 * Resolves names for connections, and refuses those that lead to other machines.
 *
 * @param resolve resolves names. Default: the operating system
 */
export function createLookup(allowRemote: boolean, resolve: Resolve = resolveName): LookupFunction {
  return function lookup(hostname, options, callback) {
    if (isLoopback(hostname)) {
      callback(null, LOOPBACKS)
      return
    }
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      const isRefused = !allowRemote && addresses?.some(({ address }) => !isLoopback(address))
      callback(isRefused ? new Refusal('target-remote', { host: hostname }) : error, addresses)
    })
  }
}

type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void
