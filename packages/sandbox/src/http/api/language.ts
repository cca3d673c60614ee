/** A text in both languages of Ping++. */
export interface Text {
  readonly zh: string
  readonly en: string
}

export type Language = keyof Text

/**
 * The language that a request asks for (`Accept-Language`, RFC 9110, 12.5.4).
 *
 * @param byDefault if it prefers none. Default: Chinese, as at Ping++
 */
export function languageOf(
  acceptLanguage: string | undefined,
  byDefault: Language = 'zh',
): Language {
  const [en, zh] = [weightOf('en', acceptLanguage), weightOf('zh', acceptLanguage)]
  if (en === zh) return byDefault
  return en > zh ? 'en' : 'zh'
}

function weightOf(language: Language, acceptLanguage = ''): number {
  const weights = acceptLanguage
    .toLowerCase()
    .split(',')
    .filter((range) => range.trim().split(/[-;\s]/, 1)[0] === language)
    .map((range) => Number(/;\s*q=([\d.]+)/.exec(range)?.[1] ?? 1))
  return Math.max(0, ...weights)
}
