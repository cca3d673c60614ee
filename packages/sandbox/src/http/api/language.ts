import { parseAccept } from 'hono/utils/accept'

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
export function languageOf(acceptLanguage = '', byDefault: Language = 'zh'): Language {
  const preferred = parseAccept(acceptLanguage)
    .filter(({ q }) => q > 0)
    .map(({ type }) => /^(?:en|zh)\b/i.exec(type)?.[0].toLowerCase())
  return preferred.find((language) => language === 'en' || language === 'zh') ?? byDefault
}
