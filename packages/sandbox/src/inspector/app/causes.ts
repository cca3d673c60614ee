import type { AttemptDetail } from '../../http/control/types.ts'
import type { Texts } from './language.ts'

type Causes = Texts['causes']

/** Status → the sentence, for answers of any app. */
const BY_STATUS: Readonly<Record<number, 'refused' | 'notFound'>> = {
  400: 'refused',
  401: 'refused',
  403: 'refused',
  404: 'notFound',
  405: 'notFound',
}

/** Why an attempt ended as it did, in sentences. A fault comes first, so that no one looks for it in the app. */
export function explain(attempt: AttemptDetail, causes: Causes): readonly string[] {
  const byFault = attempt.faults.length === 0 ? [] : [causes.byFault(attempt.faults.join(', '))]
  if (attempt.ok) return [...byFault, causes.ok]
  if (attempt.errorCode === 'fault') return byFault
  if (attempt.errorCode !== null) return [...byFault, explainError(attempt, causes)]
  return [...byFault, explainAnswer(attempt, causes)]
}

/** The page's own sentence for what is common; else the sandbox's. */
export function explainError(
  { errorCode, error }: Pick<AttemptDetail, 'errorCode' | 'error'>,
  { errors }: Causes,
): string {
  const known: Readonly<Record<string, string>> = errors
  return known[errorCode ?? ''] ?? error ?? ''
}

function explainAnswer({ response }: AttemptDetail, causes: Causes): string {
  if (response === null) return ''
  const code = codeOf(response.body)
  if (code.startsWith('signature-')) return causes.signature
  if (code === 'event-too-old' || code === 'event-from-future') return causes.clock
  if (code === 'body-consumed') return causes.parsed
  const { status } = response
  const byStatus = BY_STATUS[status]
  if (byStatus !== undefined) return causes[byStatus]
  return status >= 500 ? causes.server : causes.client
}

/** `code` of hongbao's answer, such as `{"outcome":"rejected","code":"event-too-old"}`. */
function codeOf(body: string): string {
  return /"code":"([\w-]+)"/.exec(body)?.[1] ?? ''
}
