import type { en } from './en.ts'

/** Every text of the command line but its help, in one language. */
export type Texts = typeof en

export const LANGUAGES = ['en', 'zh'] as const

export type Language = (typeof LANGUAGES)[number]

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

/** Loads one language only. */
export async function loadTexts(language: Language): Promise<Texts> {
  return language === 'zh' ? (await import('./zh.ts')).zh : (await import('./en.ts')).en
}
