import { SandboxError } from '../errors.ts'
import type { AttemptErrorCode } from '../events/sandbox-event.ts'
import type { PostError } from './sender.ts'

/** Node's error codes → ours, and the message about a host. */
const ERRORS: readonly (readonly [RegExp, AttemptErrorCode, string])[] = [
  [
    /^ECONNREFUSED$/,
    'connection-refused',
    'Nothing listens on {host}. Is the app running, and on that port? In a container, 127.0.0.1 is the container itself.',
  ],
  [
    /^(?:ECONNRESET|ECONNABORTED|EPIPE)$/,
    'connection-reset',
    '{host} closed the connection before it answered. Did the app crash?',
  ],
  [/^ETIMEDOUT$/, 'timeout', 'The connection to {host} timed out.'],
  [/^(?:ENOTFOUND|EAI_AGAIN)$/, 'dns', 'The name of {host} does not resolve.'],
  [
    /^(?:EPROTO|ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/,
    'tls',
    '{host} and the sandbox could not agree on TLS. Is it https? A certificate of your own goes into NODE_EXTRA_CA_CERTS.',
  ],
]

const FAILED = [/^/, 'failed', 'The post to {host} failed.'] as const

/** Why a post to a URL failed. */
export function postErrorOf(error: Error, { host }: URL): PostError {
  if (error instanceof SandboxError) return { code: 'target-remote', error: error.message }
  const cause = 'code' in error ? String(error.code) : error.name
  const [, code, message] = ERRORS.find(([pattern]) => pattern.test(cause)) ?? FAILED
  return { code, error: `${message.replace('{host}', () => host)} (${cause})` }
}
