import type { AttemptErrorCode } from '../events/sandbox-event.ts'
import { SandboxError } from '../errors.ts'
import type { PostError } from './sender.ts'

/** Node's error code → ours. */
const MEANINGS: Readonly<Record<string, AttemptErrorCode>> = {
  ECONNREFUSED: 'connection-refused',
  ECONNRESET: 'connection-reset',
  EPIPE: 'connection-reset',
  ECONNABORTED: 'connection-reset',
  ETIMEDOUT: 'timeout',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EPROTO: 'tls',
  CERT_HAS_EXPIRED: 'tls',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls',
}

/** Our error code → message, with the host and Node's code. */
const SENTENCES: Readonly<
  Record<Exclude<AttemptErrorCode, 'app-threw' | 'fault'>, (place: string, code: string) => string>
> = {
  'connection-refused': (place) =>
    `Nothing listens on ${place}. Is the app running, and on that port? In a container, 127.0.0.1 is the container itself.`,
  'connection-reset': (place) =>
    `${place} closed the connection before it answered. Did the app crash?`,
  timeout: (place) => `The connection to ${place} timed out.`,
  tls: (place, code) =>
    `${place} and the sandbox could not agree on TLS (${code}). Is it https? A certificate of your own goes into NODE_EXTRA_CA_CERTS.`,
  dns: (place, code) => `The name of ${place} does not resolve (${code}).`,
  'target-remote': (place) =>
    `${place} is not on this machine. Set \`allowRemote\` if that is meant.`,
  failed: (place, code) => `The post to ${place} failed (${code}).`,
}

/** Why a post to a URL failed. */
export function postErrorOf(error: Error, { host }: URL): PostError {
  if (error instanceof SandboxError) return { code: 'target-remote', error: error.message }
  const cause = 'code' in error ? String(error.code) : error.name
  const code = meaningOf(cause)
  return { code, error: SENTENCES[code](host, cause) }
}

function meaningOf(cause: string): keyof typeof SENTENCES {
  const meaning = Object.hasOwn(MEANINGS, cause) ? MEANINGS[cause] : undefined
  if (meaning !== undefined && isExplained(meaning)) return meaning
  return cause.startsWith('ERR_TLS_') || cause.startsWith('ERR_SSL_') ? 'tls' : 'failed'
}

function isExplained(code: AttemptErrorCode): code is keyof typeof SENTENCES {
  return Object.hasOwn(SENTENCES, code)
}
