import { relative } from 'node:path'
import type { Keys } from '../keys/keys.ts'
import type { Sandbox } from '../sandbox.ts'
import { describeTerms } from './columns.ts'
import type { Output } from './output.ts'
import { inspectorUrl } from './place.ts'
import { localTime, writeSpeed } from './record-lines.ts'
import type { Texts } from './texts/texts.ts'

const SET_TARGET = ['target set http://localhost:3000/webhooks', 'banner.setTarget'] as const
const STEPS = [
  ['env --sdk node', 'banner.env'],
  ['trigger red_envelope.sent --wait', 'banner.trigger'],
  ['open', 'banner.open'],
] as const

/**
 * Prints where the sandbox is, and on a terminal the next steps.
 *
 * @param isChecked whether signatures of requests are checked
 */
export function writeBanner(
  { note, tint, isStderrTerminal, noteColumns }: Output,
  texts: Texts,
  { url, target, clock, keyFingerprint, controlToken }: Sandbox,
  keys: Keys,
  isChecked: boolean,
): void {
  const time = clock.speed === 1 ? '' : `, ${localTime(clock.now(), true)}`
  const facts = [
    [texts('heading.inspector'), inspectorUrl(url, controlToken)],
    [texts('heading.target'), target ?? texts('noTarget')],
    [texts('heading.clock'), writeSpeed(clock.speed, texts) + time],
    [
      texts('heading.key'),
      `${keyFingerprint.slice(0, 16)}  ${relative('.', keys.webhook.publicPath)}`,
    ],
    [texts('heading.requests'), texts(isChecked ? 'banner.checked' : 'banner.unchecked')],
  ] as const
  const indented = (terms: readonly (readonly [string, string])[]): void => {
    const lines = describeTerms(
      terms.map(([term, about]) => [`  ${term}`, about]),
      noteColumns,
    )
    for (const line of lines) note(line)
  }
  note(`${tint('bold', 'hongbao sandbox')}  ${tint('cyan', `${url}/v1`)}`)
  note(tint('dim', texts('banner.noMoney')))
  indented(facts)
  if (!isStderrTerminal) return
  const steps = target === null ? [SET_TARGET, ...STEPS] : STEPS
  note(`\n${tint('bold', texts('banner.next'))}`)
  indented(steps.map(([command, about]) => [`npx hongbao-sandbox ${command}`, texts(about)]))
  note('')
}
