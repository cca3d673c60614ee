import { refusalSentence, type RefusedBy } from '../../refusal-sentence.ts'
import type { Texts } from './texts.ts'

/** The sentence of a refusal in the user's language; one that is not known keeps its English message. */
export function writeRefusal(refused: RefusedBy, texts: Texts): string {
  const { message } = refused
  const sentence = refusalSentence(refused, texts.language === 'en' ? 'cli' : 'zh')
  if (sentence !== undefined) return sentence
  return message === '' ? texts('unexplained') : texts('refusedBecause', { message })
}
