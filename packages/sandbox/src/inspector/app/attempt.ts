import type { AttemptDetail, EventDetail } from '../../http/control/types.ts'
import { fromBase64, fromText } from './bytes.ts'
import { curlCommand } from './curl.ts'

/** What a tab shows. */
export interface TabProps {
  readonly event: EventDetail
  readonly attempt: AttemptDetail
  readonly previous: AttemptDetail | undefined
}

/** The bytes that an attempt sent. */
export function sentBytes(event: EventDetail, { sent }: AttemptDetail): Uint8Array {
  return sent.body === null ? fromText(event.body) : fromBase64(sent.body)
}

export function curlOf(event: EventDetail, attempt: AttemptDetail): string {
  const { url, headers } = attempt.sent
  return curlCommand({ url, headers, body: sentBytes(event, attempt) })
}
