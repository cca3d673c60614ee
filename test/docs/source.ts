import { readDocument } from './snippets.ts'

/** The fields of an interface of the source, with the comments above them. */
export function fieldsOf(path: string, name: string): { field: string; comment: string }[] {
  return fieldsIn(path, (each) => each === name)
}

/** The fields of all interfaces of a source whose names the predicate takes, with the comments above them. */
export function fieldsIn(
  path: string,
  takes: (name: string) => boolean,
): { field: string; comment: string }[] {
  const interfaces = [
    ...readDocument(path).matchAll(/^(?:export )?interface (\w+)[^{]*\{\n([\s\S]*?)^\}/gm),
  ].filter(([, name = '']) => takes(name))
  if (interfaces.length === 0) throw new Error(`${path} has no such interface.`)
  const bodies = interfaces.map(([, , body]) => body).join('')
  const fields = bodies.matchAll(/((?:^ {2}(?:\/\*\*| \*).*\n)*)^ {2}readonly (\w+)\??:/gm)
  return [...fields].map(([, comment = '', field = '']) => ({
    field,
    comment: comment.replaceAll(/^ *(\/\*\*| \*\/?)| *\*\/$/gm, ''),
  }))
}

/** The code or the number in a default; undefined if it is in words. */
export function figureOf(text: string | undefined): string | undefined {
  return /`[^`]+`|\d[\d,]*/.exec(text ?? '')?.[0]
}

/** The code or the number in the default that a comment names. */
export function defaultOf(comment: string): string | undefined {
  return figureOf(/Default: ([\s\S]*?)\.(?=\s|$)/.exec(comment)?.[1])
}
