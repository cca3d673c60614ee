import { BlockList, isIP } from 'node:net'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/**
 * Whether a host is this machine: an address of the loopback interface, or `localhost` and the names
 * below it, which never resolve to anything else (RFC 6761, section 6.3).
 */
export function isLoopback(host: string): boolean {
  const name = bareHost(host)
  const family = isIP(name)
  if (family === 0) return name === 'localhost' || name.endsWith('.localhost')
  return LOOPBACK.check(name, family === 4 ? 'ipv4' : 'ipv6')
}

/** A host without the brackets of an IPv6 address and the root's dot, in lower case. */
export function bareHost(host: string): string {
  return host
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase()
}

/** An app's address in full: `3000`, `:3000` and `localhost:3000` are enough. Undefined if it is none of these. */
export function fullAddress(text: string): string | undefined {
  const [, host = 'localhost', port, path = '/webhooks'] =
    /^(?:([\w.-]+|\[[\da-f:.]+\])?:)?(\d{1,5})(\/.*)?$/i.exec(text) ?? []
  return port === undefined ? undefined : `http://${host}:${port}${path}`
}

/** A host as it stands in a URL: an IPv6 address in brackets. */
export function hostInUrl(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host
}
