import { fill, type Values } from '../../fill.ts'
import TEXTS from './texts.json' with { type: 'json' }

export const LANGUAGES = ['en', 'zh'] as const

export type Language = (typeof LANGUAGES)[number]

export type TextName = keyof typeof TEXTS

/** Writes a text of the command line, all but its help, in the user's language. */
export interface Texts {
  (name: TextName, values?: Values): string
  readonly language: Language
  /** Names, one after another. */
  list(names: readonly string[]): string
}

export function textsIn(language: Language): Texts {
  const write = (name: TextName, values?: Values): string => fill(TEXTS[name][language], values)
  const list = (names: readonly string[]): string => names.join(language === 'zh' ? '、' : ', ')
  return Object.assign(write, { language, list })
}

/** The language of `--lang`, or else of the environment; English for all but Chinese. */
export function languageOf(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Language {
  const at = args.findIndex((arg) => /^--lang(?:=|$)/.test(arg))
  const given = at === -1 ? undefined : (args[at]?.split('=')[1] ?? args[at + 1])
  // POSIX, "Environment Variables": the first that is set and not empty counts.
  const locale = [env['LC_ALL'], env['LC_MESSAGES'], env['LANG']].find((each = '') => each !== '')
  return /^zh/i.test(given ?? locale ?? '') ? 'zh' : 'en'
}
