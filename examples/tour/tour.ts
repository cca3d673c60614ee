// `npm start`: the whole loop on this machine, once for each example app. A local Ping++, a client
// that creates and queries, an app that receives webhooks, and what may go wrong on the way.
import { start as startExpress } from '../express/app.ts'
import { start as startFastify } from '../fastify/app.ts'
import { start as startHono } from '../hono/app.ts'
import { start as startKoa } from '../koa/app.ts'
import { readPublishedSample } from './published-sample.ts'
import { setStage, type StartApp } from './stage.ts'
import { playChapter, STORY } from './story.ts'
import { summary, tableHead, tableRow } from './table.ts'
import { exitStatus, type Line } from './verdict.ts'

const APPS = { express: startExpress, koa: startKoa, fastify: startFastify, hono: startHono }

console.log(`
A local Ping++, a client, and four apps: red envelopes from the request to the last notification.
本机的 Ping++ 沙箱、客户端和四个应用：一个红包从发起请求到最后一条通知的全过程。
`)
console.log(tableHead())

const lines: Line[] = []
for (const [app, startApp] of Object.entries(APPS)) {
  // One app after another, so that the table grows in order.
  for await (const line of tell(app, startApp)) {
    lines.push(line)
    console.log(tableRow(line))
  }
  console.log()
}
console.log(summary(lines))

process.exitCode = exitStatus(lines)
console.log(
  process.exitCode === 0
    ? `All ${lines.length} lines are as expected. Next: npm run dev keeps a sandbox and an app running to play with.
全部 ${lines.length} 行符合预期。下一步：npm run dev 会让沙箱和一个应用一直运行，供你试用。`
    : 'Lines marked ✗ are not as expected. 标有 ✗ 的行不符合预期。',
)

/** Sets a stage for an app, plays the story on it, and clears it away. */
async function* tell(app: string, startApp: StartApp): AsyncGenerator<Line> {
  const stage = await setStage(startApp, readPublishedSample())
  try {
    for (const chapter of STORY) {
      // One chapter after another: it is a story.
      const actual = await playChapter(chapter, stage)
      yield { app, title: chapter.title, expected: chapter.expected, actual }
    }
  } finally {
    await stage.close()
  }
}
