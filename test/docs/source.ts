import { readDocument } from './snippets.ts'

/** The fields of an interface of the source, with the comments above them. */
export function fieldsOf(path: string, name: string): { field: string; comment: string }[] {
  const declaration = new RegExp(`^(?:export )?interface ${name}\\b.*?\\{\\n([\\s\\S]*?)^\\}`, 'm')
  const body = declaration.exec(readDocument(path))?.[1]
  if (body === undefined) throw new Error(`There is no interface ${name} in ${path}.`)
  const fields = body.matchAll(/((?:^ {2}(?:\/\*\*| \*).*\n)*)^ {2}readonly (\w+)\??:/gm)
  return [...fields].map(([, comment = '', field = '']) => ({
    field,
    comment: comment.replaceAll(/^ *(\/\*\*| \*\/?)| *\*\/$/gm, ''),
  }))
}

/** The code or the number in a default; undefined where it is in words. */
export function figureOf(text: string | undefined): string | undefined {
  return /`[^`]+`|\d[\d,]*/.exec(text ?? '')?.[0]
}

/** The code or the number in the default that a comment names. */
export function defaultOf(comment: string): string | undefined {
  return figureOf(/Default: ([\s\S]*?)\.(?=\s|$)/.exec(comment)?.[1])
}
