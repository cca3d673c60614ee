import { relative } from 'node:path'
import type { Keys } from '../keys/keys.ts'
import type { Sandbox } from '../sandbox.ts'
import { alignColumns, type Output } from './output.ts'
import { localTime } from './record-lines.ts'
import { DEFAULT_URL } from './session.ts'

/**
 * Prints where the sandbox is, and on a terminal the next steps.
 *
 * @param isChecked whether signatures of requests are checked
 */
export function writeBanner(
  { note, tint, isStderrTerminal }: Pick<Output, 'note' | 'tint' | 'isStderrTerminal'>,
  { url, target, clock, keyFingerprint }: Sandbox,
  keys: Keys,
  isChecked: boolean,
): void {
  const speed = clock.speed === 0 ? 'virtual' : `×${clock.speed}`
  const facts = [
    ['target', target ?? NO_TARGET],
    ['clock', clock.speed === 1 ? 'real' : `${speed}, ${localTime(clock.now(), true)}`],
    ['key', `${keyFingerprint.slice(0, 16)}  ${relative('.', keys.webhook.publicPath)}`],
    ['requests', isChecked ? CHECKED : UNCHECKED],
  ]
  note(`${tint('bold', 'hongbao sandbox')}  ${tint('cyan', `${url}/v1`)}  ${tint('dim', NO_MONEY)}`)
  for (const line of alignColumns(facts)) note(`  ${line}`)
  if (!isStderrTerminal) return
  const where = url === DEFAULT_URL ? '' : ` --url ${url}`
  const steps = NEXT_STEPS.map(([command, about]) => [
    `npx hongbao-sandbox ${command}${where}`,
    about,
  ])
  note(`\n${tint('bold', 'Next 接下来')}`)
  for (const line of alignColumns(steps)) note(`  ${line}`)
  note('')
}

const NO_TARGET =
  'none: notifications are kept and not sent; --target http://localhost:3000/webhooks 未设置，通知只保留、不发送'
const CHECKED = 'signatures are checked 校验请求签名'
const UNCHECKED =
  'signatures are not checked; --request-signatures strict checks them 不校验请求签名，加此选项开启'
const NO_MONEY = 'for development, no money moves 仅供开发，不涉及真实资金'

const NEXT_STEPS = [
  ['env --sdk node', 'point your code at it 让代码指向沙箱'],
  ['trigger red_envelope.sent --wait', 'send a notification 发一条通知'],
  ['clock next', 'go to the next retry 跳到下一次重发'],
] as const
