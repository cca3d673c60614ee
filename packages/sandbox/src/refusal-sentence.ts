import { fill, type Values } from './fill.ts'
import REFUSALS from './refusals.json' with { type: 'json' }
import IN_CHINESE from './refusals.zh.json' with { type: 'json' }

/** An error of the sandbox or of core, as it was thrown or as the control API answers it. */
export interface RefusedBy {
  readonly code: string
  readonly message: string
  /** Name of a row of `refusals.json`, and the values of its sentence. */
  readonly reason?: unknown
  readonly about?: unknown
}

interface Sentences {
  readonly en: string
  readonly zh: string
  /** In place of `en`, for what has another name in a program. */
  readonly cli?: string
}

/** The sentence of a refusal in Chinese, or as the command line has it; undefined if it has none of its own. */
export function refusalSentence(refused: RefusedBy, which: 'zh' | 'cli'): string | undefined {
  const row: Sentences | undefined = new Map(Object.entries(REFUSALS)).get(String(refused.reason))
  const sentence = which === 'cli' ? row?.cli : (chineseOf(refused) ?? row?.zh)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the values of the row, from this package
  return sentence && fill(sentence, refused.about as Values | undefined)
}

/** What core says in English only → a code of its own. */
const KEY_CAUSES = [
  [/is encrypted\./, 'key-encrypted'],
  [/OpenSSH/, 'key-openssh'],
  [/file (?<path>.*) cannot be read: (?<cause>\w+)\.$/, 'key-file'],
] as const

const SENTENCES = new Map(Object.entries(IN_CHINESE))

/** The Chinese sentence of an option, a field, or a code of core. */
function chineseOf({ code, message }: RefusedBy): string | undefined {
  const [, field] = /^`(\w+)` must be /.exec(message) ?? []
  if (field !== undefined) return SENTENCES.get(`${code}.${field}`)
  const [pattern, known] = KEY_CAUSES.find(([each]) => each.test(message)) ?? [/^/, code]
  const sentence = SENTENCES.get(known)
  // Core names the file of a key at the end.
  const [, file] = /\((\S+)\)$/.exec(message) ?? []
  const ending = file === undefined ? '' : `（${file}）`
  return sentence && fill(sentence, pattern.exec(message)?.groups) + ending
}
