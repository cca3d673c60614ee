import { relative } from 'node:path'
import type { Keys } from '../keys/keys.ts'
import type { Sandbox } from '../sandbox.ts'
import { describeTerms } from './columns.ts'
import type { Output } from './output.ts'
import { localTime } from './record-lines.ts'
import type { Texts } from './texts/texts.ts'

/**
 * Prints where the sandbox is, and on a terminal the next steps.
 *
 * @param isChecked whether signatures of requests are checked
 */
export function writeBanner(
  { note, tint, isStderrTerminal, noteColumns }: Output,
  { banner, headings, speed, noTarget }: Texts,
  { url, target, clock, keyFingerprint }: Sandbox,
  keys: Keys,
  isChecked: boolean,
): void {
  const time = clock.speed === 1 ? '' : `, ${localTime(clock.now(), true)}`
  const facts = [
    [headings.inspector, `${url}/`],
    [headings.target, target ?? noTarget],
    [headings.clock, speed(clock.speed) + time],
    [headings.key, `${keyFingerprint.slice(0, 16)}  ${relative('.', keys.webhook.publicPath)}`],
    [headings.requests, isChecked ? banner.checked : banner.unchecked],
  ] as const
  const indented = (terms: readonly (readonly [string, string])[]): void => {
    const lines = describeTerms(
      terms.map(([term, about]) => [`  ${term}`, about]),
      noteColumns,
    )
    for (const line of lines) note(line)
  }
  note(`${tint('bold', 'hongbao sandbox')}  ${tint('cyan', `${url}/v1`)}`)
  note(tint('dim', banner.noMoney))
  indented(facts)
  if (!isStderrTerminal) return
  const steps = target === null ? [banner.setTarget, ...banner.steps] : banner.steps
  note(`\n${tint('bold', banner.next)}`)
  indented(steps.map(([command, about]) => [`npx hongbao-sandbox ${command}`, about]))
  note('')
}
