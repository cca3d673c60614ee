import { asyncProperty, assert, constantFrom, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isClientError } from '../src/errors.ts'
import { envelope, errorOf, GUIDE, startPingpp } from './pingpp.ts'

/** Bytes of UTF-8 by its definition (RFC 3629, section 3), and by no encoder. */
function bytesOf(text: string): number {
  let bytes = 0
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0
    bytes += 1 + Number(point > 0x7f) + Number(point > 0x7_ff) + Number(point > 0xff_ff)
  }
  return bytes
}

describe('a create', () => {
  it.each([
    ['subject', 32, (subject: string) => ({ subject })],
    ['body', 128, (body: string) => ({ body })],
    ['description', 255, (description: string) => ({ description })],
    ['extra[send_name]', 32, (send_name: string) => ({ extra: { send_name } })],
  ] as const)('is sent exactly where `%s` has at most %d bytes', async (param, max, put) => {
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
    const unit = constantFrom('a', ' ', 'é', 'ß', '恭', '喜', '，', '🧧', '𠮷', '👨‍👩‍👧')
    const text = string({ unit, minLength: 1, maxLength: max })
    await assert(
      asyncProperty(text, async (value) => {
        const before = seen.length
        const parameters = { ...GUIDE, ...put(value) }
        const outcome: unknown = await client.redEnvelopes.create(parameters).then(
          () => 'sent',
          (error: unknown) => (isClientError(error) ? [error.code, error.param] : error),
        )
        const fits = bytesOf(value) <= max
        expect(outcome).toEqual(fits ? 'sent' : ['parameter-invalid', param])
        expect(seen.length - before).toBe(Number(fits))
        const sent = seen.slice(before).map(({ body }): unknown => JSON.parse(String(body)))
        expect(sent).toEqual(fits ? [parameters] : [])
      }),
      { numRuns: 60 },
    )
  })

  it('is checked as it is sent, whatever `toJSON` makes of it', async () => {
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
    const inYuan = { ...GUIDE, toJSON: () => ({ ...GUIDE, amount: 0.01 }) }
    expect(await errorOf(client.redEnvelopes.create(inYuan))).toMatchObject({
      code: 'parameter-invalid',
      param: 'amount',
    })
    const hidden = Object.defineProperty({ ...GUIDE }, 'amount', { enumerable: false })
    expect(await errorOf(client.redEnvelopes.create(hidden))).toMatchObject({ param: 'amount' })
    const nothing = { ...GUIDE, toJSON: () => undefined }
    expect(await errorOf(client.redEnvelopes.create(nothing))).toMatchObject({
      code: 'parameter-invalid',
    })
    expect(seen).toEqual([])
  })

  it('is known by the number that was sent, though its getter gives another each time', async () => {
    let next = 0
    const parameters = {
      ...GUIDE,
      get order_no() {
        next += 1
        return String(next)
      },
    }
    const { client, seen } = await startPingpp({ steps: [{ status: 500 }] })
    const error = await errorOf(client.redEnvelopes.create(parameters))
    const { order_no } = JSON.parse(String(seen[0]?.body)) as { order_no: string }
    expect(error).toMatchObject({ orderNo: order_no, notCreated: false })
  })
})
