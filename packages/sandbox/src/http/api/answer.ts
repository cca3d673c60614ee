import { SIGNATURE_HEADER, signBytes, type SigningKey } from '@hongbao/core/internal'

/** An answer before serialisation. */
export interface Answer {
  readonly status: number
  readonly body: object
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/**
 * Writes an answer as Ping++ does: JSON indented by four spaces, Chinese as it is, signed over
 * exactly these bytes, errors too (captures of December 2016).
 *
 * `Connection: close`, because from Node 19 on the official Node SDK hangs on a reused connection:
 * it writes the request when the socket connects.
 */
export function writeAnswer(answer: Answer, requestId: string, key: SigningKey): Response {
  const bytes = Buffer.from(JSON.stringify(answer.body, undefined, 4))
  return new Response(bytes, {
    status: answer.status,
    headers: {
      'Content-Type': 'application/json;charset=utf-8',
      'Content-Length': String(bytes.byteLength),
      'Cache-Control': 'no-cache, no-store',
      Connection: 'close',
      'X-Request-Id': requestId,
      [SIGNATURE_HEADER]: signBytes(bytes, key.privateKey),
      ...answer.headers,
    },
  })
}
