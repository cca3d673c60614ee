import type { ErrorAnswer } from '../../http/control/types.ts'
import { takeToken } from './address.ts'
import { language } from './language.ts'

/** Relative, so that the page also works below a path of a proxy. */
const BASE = '_sandbox/'

/** @throws Error with the sandbox's own sentence; TypeError if it cannot be reached */
export async function read<Answer>(path: string): Promise<Answer> {
  return answerOf(await fetch(BASE + path, { headers: ownHeaders() }))
}

/** @throws Error with the sandbox's own sentence; TypeError if it cannot be reached */
export async function change<Answer>(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body: object = {},
): Promise<Answer> {
  const headers = { ...ownHeaders(), 'content-type': 'application/json' }
  return answerOf(await fetch(BASE + path, { method, headers, body: JSON.stringify(body) }))
}

/** Not by `EventSource`, which sends no `Authorization`, and hides why it failed. */
export async function openStream(
  after: string,
  signal: AbortSignal,
): Promise<NonNullable<Response['body']>> {
  const path = `${BASE}stream?after=${encodeURIComponent(after)}`
  const response = await fetch(path, { headers: ownHeaders(), signal })
  if (!response.ok || response.body === null) return answerOf(response)
  return response.body
}

/** The token of `--allow-remote`, and the language of the page: the sandbox writes errors in it. */
function ownHeaders(): Record<string, string> {
  const token = takeToken()
  return {
    'accept-language': language.value,
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  }
}

async function answerOf<Answer>(response: Response): Promise<Answer> {
  if (response.ok) return response.json()
  const { error }: ErrorAnswer = await response.json()
  throw new Error(error.message)
}
