import { relative } from 'node:path'
import type { Keys } from '../keys/keys.ts'
import type { Sandbox } from '../sandbox.ts'
import { alignColumns, type Output } from './output.ts'
import { localTime } from './record-lines.ts'
import { DEFAULT_URL } from './session.ts'

/**
 * Says where the sandbox is, and on a terminal what to do next.
 *
 * @param isChecked whether signatures of requests are checked
 */
export function writeBanner(
  output: Output,
  sandbox: Sandbox,
  keys: Keys,
  isChecked: boolean,
): void {
  const { url, target, clock, keyFingerprint } = sandbox
  const { tint } = output
  const time = localTime(new Date(clock.now()).toISOString(), true)
  const facts = alignColumns([
    ['target', target ?? NO_TARGET],
    ['clock', clock.speed === 1 ? 'real' : `${speedOf(clock.speed)}, ${time}`],
    ['key', `${keyFingerprint.slice(0, 16)}  ${relative('.', keys.webhook.publicPath)}`],
    ['requests', isChecked ? CHECKED : UNCHECKED],
  ])
  output.note(
    `${tint('bold', 'hongbao sandbox')}  ${tint('cyan', `${url}/v1`)}  ${tint('dim', NOT_FOR_MONEY)}`,
  )
  for (const line of facts) output.note(`  ${line}`)
  if (!output.isWatched) return
  output.note(`\n${tint('bold', 'Next 接下来')}`)
  for (const line of alignColumns(nextSteps(url))) output.note(`  ${line}`)
  output.note('')
}

const NO_TARGET =
  'none: notifications are kept and not sent; --target http://localhost:3000/webhooks 未设置，通知只保留、不发送'
const CHECKED = 'signatures are checked 校验请求签名'
const UNCHECKED =
  'signatures are not checked; --request-signatures strict checks them 不校验请求签名，加此选项开启'
const NOT_FOR_MONEY = 'for development, no money moves 仅供开发，不涉及真实资金'

function nextSteps(url: string): string[][] {
  const where = url === DEFAULT_URL ? '' : ` --url ${url}`
  return [
    [`npx hongbao-sandbox env --sdk node${where}`, 'point your code at it 让代码指向沙箱'],
    [
      `npx hongbao-sandbox trigger red_envelope.sent --wait${where}`,
      'send a notification 发一条通知',
    ],
    [`npx hongbao-sandbox clock next${where}`, 'go to the next retry 跳到下一次重发'],
  ]
}

function speedOf(speed: number): string {
  return speed === 0 ? 'virtual' : `×${speed}`
}
