import { computed, effect, signal, type ReadonlySignal, type Signal } from '@preact/signals'
import { en } from './texts-en.ts'
import { zh } from './texts-zh.ts'

export type Texts = typeof en
export type Language = 'en' | 'zh'

const KEY = 'hongbao.language'

/** By the browser's preference, until it is switched. */
export const language: Signal<Language> = signal(firstLanguage())

export const texts: ReadonlySignal<Texts> = computed(() => (language.value === 'zh' ? zh : en))

export function switchLanguage(): void {
  language.value = language.value === 'zh' ? 'en' : 'zh'
  localStorage.setItem(KEY, language.value)
}

/** Keeps the page's own language right: fonts and screen readers choose by it. */
export function keepPageLanguage(): void {
  effect(() => {
    document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en'
    document.title = texts.value.title
  })
}

function firstLanguage(): Language {
  const chosen = localStorage.getItem(KEY)
  if (chosen === 'en' || chosen === 'zh') return chosen
  const known = navigator.languages.find((tag) => /^(?:en|zh)\b/i.test(tag))
  return known?.toLowerCase().startsWith('zh') === true ? 'zh' : 'en'
}
