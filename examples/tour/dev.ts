// `npm run dev`: a sandbox and an example app that stay up, to play with. Ctrl-C ends both.
import { startSandbox } from '@hongbao/sandbox'
import { start as startExpress } from '../express/app.ts'

const sandbox = await startOn('SANDBOX_PORT', '4141', (port) => startSandbox({ port }))
const app = await startOn('PORT', '3000', (port) =>
  startExpress(port, {
    publicKey: sandbox.publicKey,
    // The sandbox's clock can be moved on, and the app must not take its events for old or new ones.
    now: sandbox.clock.now,
    onReport: ({ outcome, status, eventType = '-', eventId = '-' }) =>
      console.log(`app      ${status} ${outcome.padEnd(10)} ${eventType} ${eventId}`),
  }),
)
sandbox.setTarget(`${app.url}/webhooks`)
sandbox.listen((record) => {
  if (record.type === 'api.request') {
    console.log(`sandbox  ${record.status} ${record.method} ${record.path}`)
  }
  if (record.type === 'retry.scheduled') {
    console.log(`sandbox  ${record.eventType} ${record.event}: again at ${record.dueAt}`)
  }
})

const json = `-H 'content-type: application/json'`
const key = `-H 'authorization: Bearer ${sandbox.apiKey}'`
const where = sandbox.url === 'http://127.0.0.1:4141' ? '' : ` --url ${sandbox.url}`
const order = (orderNo: string) => JSON.stringify({ orderNo, amountFen: 888 })
const envelope = JSON.stringify({
  app: { id: 'app_1Gqj58ynP0mHeX1q' },
  channel: 'wx_pub',
  order_no: '20260217',
  amount: 888,
  currency: 'cny',
  recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
  subject: '新年红包',
  body: '恭喜发财',
  description: '春节活动',
  extra: { send_name: '红包商店' },
})

console.log(`
Sandbox ${sandbox.url}/v1, app ${app.url}. Ctrl-C ends both. 沙箱和应用已启动，Ctrl-C 结束。
Inspector, in a browser 在浏览器里查看: ${sandbox.url}/
In another terminal 在另一个终端里：

1. An order, and a red envelope for it. 下单，发红包：

curl ${app.url}/orders ${json} -d '${order('20260217')}'
curl ${sandbox.url}/v1/red_envelopes ${key} ${json} -d '${envelope}'

2. Ask for it by the id that you got, twice: the first time makes Ping++ tell of \`sent\`, the second of \`received\`.
   用返回的 id 查询两次，依次触发 sent 和 received：

curl ${sandbox.url}/v1/red_envelopes/red_… ${key}
curl ${app.url}/orders/20260217

3. Lose an answer, and move the clock to the next attempt. 弄丢一次应答，再把时钟拨到下一次重发：

curl ${app.url}/orders ${json} -d '${order('20260218')}'
npm run sandbox -- fault add answer-lost${where}
npm run sandbox -- trigger red_envelope.sent --set order_no=20260218 --set amount=888${where}
npm run sandbox -- clock next${where}
`)

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void Promise.all([app.close(), sandbox.close()]))
}

/** Starts a server on the port that a variable names; if that fails, prints the reason and exits. */
async function startOn<Started>(
  variable: string,
  standard: string,
  start: (port: number) => Promise<Started>,
): Promise<Started> {
  const { [variable]: text = standard } = process.env
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    return end(`${variable} must be a port, from 0 to 65535; 0 takes a free one.`)
  }
  try {
    return await start(Number(text))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'port-taken' && code !== 'EADDRINUSE') throw error
    return end(
      `Port ${text} is taken. To use another one, or with 0 any: ${variable}=0 npm run dev`,
    )
  }
}

function end(message: string): never {
  console.error(message)
  process.exit(1)
}
