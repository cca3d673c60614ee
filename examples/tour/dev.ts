// `npm run dev`: a sandbox and an example app that stay up, to play with. Ctrl-C ends both.
import { startSandbox } from '@hongbao/sandbox'
import { start as startExpress } from '../express/app.ts'

const { SANDBOX_PORT = '4141', PORT = '3000' } = process.env

const sandbox = await startSandbox({ port: Number(SANDBOX_PORT) })
const app = await startExpress(Number(PORT), {
  publicKey: sandbox.publicKey,
  // The sandbox's clock can be moved on, and the app must not take its events for old or new ones.
  now: sandbox.clock.now,
  observe: ({ outcome, status, eventType = '-', eventId = '-' }) =>
    console.log(`app      ${status} ${outcome.padEnd(10)} ${eventType} ${eventId}`),
})
sandbox.setTarget(`${app.url}/webhooks`)
sandbox.listen((record) => {
  if (record.type === 'api.request') {
    console.log(`sandbox  ${record.status} ${record.method} ${record.path}`)
  }
  if (record.type === 'retry.scheduled') {
    console.log(`sandbox  ${record.eventType} ${record.event}: again at ${record.dueAt}`)
  }
})

const order = JSON.stringify({ orderNo: '20260217', amountFen: 888 })
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
const json = `-H 'content-type: application/json'`

console.log(`
Sandbox ${sandbox.url}/v1, app ${app.url}. Ctrl-C ends both. 沙箱和应用已启动，Ctrl-C 结束。

1. An order, and a red envelope for it. 下单，发红包：

curl ${app.url}/orders ${json} -d '${order}'
curl ${sandbox.url}/v1/red_envelopes -H 'authorization: Bearer ${sandbox.apiKey}' ${json} -d '${envelope}'

2. Ask for it, twice: the first makes Ping++ tell of \`sent\`, the second of \`received\`. 查询两次，依次触发 sent 和 received：

curl ${sandbox.url}/v1/red_envelopes/red_… -H 'authorization: Bearer ${sandbox.apiKey}'
curl ${app.url}/orders/20260217

3. Lose an answer, and move on. 丢掉一次应答，再把时钟往前拨：

npx hongbao-sandbox fault add answer-lost --url ${sandbox.url}
npx hongbao-sandbox trigger red_envelope.sent --url ${sandbox.url}
npx hongbao-sandbox clock advance 5s --url ${sandbox.url}
`)

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void Promise.all([app.close(), sandbox.close()]))
}
