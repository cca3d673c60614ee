import type { AttemptErrorCode } from '../events/sandbox-event.ts'
import { fill } from '../fill.ts'
import ERRORS from './post-errors.json' with { type: 'json' }
import type { PostError } from './sender.ts'

/** Why a post to a URL failed, by Node's error code. */
export function postErrorOf(error: Error, { host }: URL): PostError {
  const cause = 'code' in error ? String(error.code) : error.name
  if (cause === 'target-remote') return { code: cause, error: error.message }
  const code =
    KNOWN.find((each) => new RegExp(`^(?:${ERRORS[each].codes})$`).test(cause)) ?? 'failed'
  return { code, error: `${fill(ERRORS[code].en, { host })} (${cause})` }
}

const KNOWN = ['connection-refused', 'connection-reset', 'timeout', 'dns', 'tls'] as const

const NOT_HTTP = {
  en: 'The reply is not HTTP. Is the port right, and is it http or https?',
  zh: '应答不是 HTTP：端口是否正确，应该用 http 还是 https？',
} as const

/** Why an app gave no answer: a sentence, without the codes of Node's HTTP parser. */
export function explainNoAnswer(
  code: AttemptErrorCode | undefined,
  error: string,
  language: 'en' | 'zh',
): string {
  if (error.includes('HPE_')) return NOT_HTTP[language]
  return language === 'en' || code === undefined ? error : ERRORS[code].zh
}
