// `npm start`: the four example apps, each told the same story over real HTTP.
import type { WebhooksOptions } from '@hongbao/core'
import { createTestKeys } from '@hongbao/core/testing'
import { start as startExpress } from '../express/app.ts'
import { start as startFastify } from '../fastify/app.ts'
import { start as startHono } from '../hono/app.ts'
import { start as startKoa } from '../koa/app.ts'
import { createOrderBook, type OrderBook } from './order-handlers.ts'
import { readPublishedSample } from './published-sample.ts'
import { tellStory, type Chapter, type Sight } from './story.ts'
import { tableHead, tableRow } from './table.ts'
import { exitStatus, type Line } from './verdict.ts'

const APPS = { express: startExpress, koa: startKoa, fastify: startFastify, hono: startHono }

const cast = {
  pingpp: createTestKeys(),
  stranger: createTestKeys(),
  published: readPublishedSample(),
}

const RECEIVERS = {
  /** As in production, but for the key: one made for this tour signs in Ping++'s place. */
  own: { publicKey: cast.pingpp.publicKey, logger: false },
  /** Trusts the key in Ping++'s SDK. Its sample is of 2015, and so is this receiver's clock. */
  published: {
    publicKey: { path: cast.published.publicKeyPath },
    allowPublishedKeys: true,
    now: () => Date.parse('2015-06-15T11:35:00Z'),
    logger: false,
  },
} satisfies Record<string, WebhooksOptions>

console.log(`
Four apps get the same signed Ping++ notifications: what each answers, what its handlers saw.
四个应用通过 HTTP 收到同样的 Ping++ 签名通知：各自如何应答，处理函数看到了什么。
`)
console.log(tableHead())

const story = tellStory(cast)
const lines: Line[] = []
for (const [app, start] of Object.entries(APPS)) {
  // One app after another, so that the table grows in order.
  for await (const line of tell(app, start, story)) {
    lines.push(line)
    console.log(tableRow(line))
  }
  console.log()
}

process.exitCode = exitStatus(lines)
console.log(
  process.exitCode === 0
    ? `All ${lines.length} lines are as expected. Next: put the few lines of examples/express/app.ts into your app.
全部 ${lines.length} 行符合预期。下一步：把 examples/express/app.ts 里的几行放进你自己的应用。`
    : 'Lines marked ✗ are not as expected. 标有 ✗ 的行不符合预期。',
)

/** Starts an app, tells it the story, and closes it. */
async function* tell(
  app: string,
  start: typeof startExpress,
  chapters: readonly Chapter[],
): AsyncGenerator<Line> {
  const orders = createOrderBook()
  const own = await start(0, RECEIVERS.own, orders)
  const published = await start(0, RECEIVERS.published, orders)
  try {
    for (const chapter of chapters) {
      const { url } = chapter.to === 'published' ? published : own
      // One chapter after another: it is a story.
      const actual = await play(chapter, url, orders)
      yield { app, title: chapter.title, expected: chapter.expected, actual }
    }
  } finally {
    await Promise.all([own.close(), published.close()])
  }
}

/** Places the order, sends the notification, and looks at what came of it. */
async function play(chapter: Chapter, url: string, orders: OrderBook): Promise<Sight> {
  const { orderFirst, body, headers } = chapter
  if (orderFirst !== undefined) {
    const placed = await post(`${url}/orders`, JSON.stringify(orderFirst), {
      'content-type': 'application/json',
    })
    if (!placed.ok) throw new Error(`POST /orders answered ${placed.status}.`)
  }
  const seenBefore = orders.journal.length
  const response = await post(`${url}/webhooks`, body, headers)
  const { outcome } = (await response.json()) as { outcome: string }
  const saw = orders.journal.slice(seenBefore).join(' | ') || 'not run'
  return { outcome, status: response.status, saw }
}

function post(url: string, body: string, headers: Readonly<Record<string, string>>) {
  return fetch(url, { method: 'POST', body, headers, signal: AbortSignal.timeout(5000) })
}
