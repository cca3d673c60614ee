import { eventFixture } from '@hongbao/core/testing'
import { describe, expect, it } from 'vitest'
import { hosts } from './hosts.ts'
import { expectAnswer, notification, open, signed } from './reception.ts'

// Pretty-printed, with CRLF and Chinese text: what parsed and serialised again would differ from.
function pretty(): string {
  return JSON.stringify(eventFixture('red_envelope.sent'), null, 2).replaceAll('\n', '\r\n')
}

describe.each(hosts)('mounting in $name', (host) => {
  it.each(host.mounts.filter(({ outcome }) => outcome === 'handled'))(
    'answers 200 when it is mounted $name',
    async (mount) => {
      const reception = await open(mount)
      const genuine = signed(pretty())
      expectAnswer(await reception.deliver(genuine), 200, 'handled')
      expectAnswer(await reception.deliver(genuine), 200, 'duplicate')
      expectAnswer(await reception.send({ body: genuine.bytes }), 401, 'signature-missing')
      expect(reception.handled).toHaveLength(1)
      expect(reception.reports).toHaveLength(3)
    },
  )

  it.each(host.mounts.filter(({ outcome }) => outcome === 'body-consumed'))(
    'answers 500 at once, and logs once what to move, when it is mounted $name',
    async (mount) => {
      const reception = await open(mount, { bodyTimeoutMs: 10_000 })
      const genuine = signed(pretty())
      const times: number[] = []
      for (let sent = 0; sent < 3; sent += 1) {
        const startedMs = performance.now()
        expectAnswer(await reception.deliver(genuine), 500, 'body-consumed')
        times.push(performance.now() - startedMs)
      }
      // The machine may halt for a moment; a body that is waited for takes ten seconds each time.
      expect(Math.min(...times)).toBeLessThan(333)
      expect(reception.log).toHaveLength(1)
      expect(reception.log[0]).toMatch(/^\[hongbao\] body-consumed: /)
      expect(reception.log[0]).toMatch(host.hint)
      expect(reception.handled).toEqual([])
      const { status } = await reception.webhooks.handle(genuine.delivery())
      expect({ status, handled: reception.handled.length }).toEqual({ status: 200, handled: 1 })
    },
  )

  it('answers 401 to an unsigned body in every mount, whichever parser has read it [G1]', async () => {
    for (const mount of host.mounts) {
      const reception = await open(mount)
      expectAnswer(await reception.send({ body: notification().bytes }), 401, 'signature-missing')
      expect(reception.handled).toEqual([])
    }
  })

  it('does not affect other paths and their JSON parser [G7, G10]', async () => {
    const reception = await open(host)
    const response = await reception.send({
      target: '/orders',
      headers: { 'Content-Type': 'application/json' },
      body: Buffer.from(' {"order_no": "红包🧧"} '),
    })
    expect(response.status).toBe(200)
    expect(JSON.parse(response.body)).toEqual({ order_no: '红包🧧' })
    expect(reception.reports).toEqual([])
  })

  it.each(['/', '/webhook', '/webhooks/more', '/elsewhere?path=/webhooks'])(
    'leaves %s to the host, which answers 404 [G7, S14]',
    async (target) => {
      const reception = await open(host)
      const { headers, bytes } = notification()
      const response = await reception.send({ target, headers, body: bytes })
      expect(response.status).toBe(404)
      expect(reception.reports).toEqual([])
      expect(reception.handled).toEqual([])
    },
  )
})
