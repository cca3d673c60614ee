import { explainNoAnswer } from './no-answer.ts'
import type { Seen } from './probe.ts'

/** The sentences name what the app answered, and how often it applied an event. */
const en = {
  titles: {
    genuine: 'a genuine notification',
    forged: 'signed with another key',
    tampered: 'one byte changed',
    'duplicate-at-once': 'twice at the same time',
    'duplicate-later': 'once more, later',
    'answer-dropped': 'answer lost, then sent again',
    'received-before-sent': '`received` before `sent`',
    'large-body': 'a body of 200 kB',
    'formatted-body': 'spaces and \\u escapes',
  },
  and: ', ',
  noAnswer: 'no answer ({reason})',
  sentences: {
    accepted: 'Accepted: {answers}.',
    otherKey:
      'Genuine notifications are refused: {answers}. The app has another public key, or verifies a parsed body. Give it the key of this sandbox: hongbao-sandbox env.',
    genuineRefused:
      'Genuine notifications are not accepted: {answers}. Is it the right URL, does the app handle this event type (--type), and does it know the order (--set order_no=…)?',
    notJudged: 'Not judged, because genuine notifications are not accepted.',
    refused: 'Refused: {answers}.',
    refusedByError:
      'Refused, but with {answers}: after a 5xx Ping++ sends again for 25 hours. Answer 401.',
    unanswered: 'The app gave {answers}. Answer 401, so that a forgery cannot stop it.',
    forgeable:
      "Accepted with {answers}: anyone who knows the URL can report a payment. Verify x-pingplusplus-signature with Ping++'s public key.",
    tamperable:
      'Accepted with {answers}: an amount can be changed on the way. Verify the signature over the raw body.',
    duplicateRefused:
      'A duplicate is not accepted: {answers}. Answer 2xx to an event that was already applied, or Ping++ sends it up to ten more times.',
    effectsUnseen:
      'Answered {answers}. From outside it cannot be seen whether the event was applied once or twice: count the effects (--count-url), or look at the database.',
    appliedOnce: 'Answered {answers}, and the event was applied once.',
    appliedTwice:
      "Answered {answers}, and the event was applied {times} times. Make the handler idempotent: a unique key on the event's id, in the transaction of the effect.",
    notCounted:
      'Answered {answers}, but no effect was counted within 2 s. Does the count include this event type?',
    anyOrder:
      'Answered {answers}. From outside it cannot be seen whether a late `sent` sets an order back that was `received`: look at the database.',
    orderRefused:
      'Answered {answers}. Ping++ guarantees no order: accept either event first, and answer 2xx to types that the app does not need.',
    largeRefused:
      'A genuine body of 200 kB is not accepted: {answers}. Raise the limit of the body parser or the proxy to 256 kB.',
    formattedRefused:
      'A genuine body with other spaces and escapes is not accepted: {answers}. The app verifies JSON that it has serialised again; verify the bytes as they came.',
  },
}

export type DoctorTexts = typeof en

const zh = {
  titles: {
    genuine: '真实通知',
    forged: '用其他私钥签名',
    tampered: '篡改一个字节',
    'duplicate-at-once': '同时发送两次',
    'duplicate-later': '稍后重复发送',
    'answer-dropped': '应答丢失后重发',
    'received-before-sent': 'received 先于 sent',
    'large-body': '200 kB 的请求体',
    'formatted-body': '空格与 \\u 转义',
  },
  and: '、',
  noAnswer: '无应答（{reason}）',
  sentences: {
    accepted: '已接收：{answers}。',
    otherKey:
      '真实通知被拒绝：{answers}。应用配置的公钥不对，或者验签的是解析后的内容。请配置本沙箱的公钥：hongbao-sandbox env。',
    genuineRefused:
      '真实通知未被接收：{answers}。请检查 URL 是否正确、应用是否处理该事件类型（--type）、订单在应用中是否存在（--set order_no=…）。',
    notJudged: '真实通知未被接收，此项无法判断。',
    refused: '已拒绝：{answers}。',
    refusedByError:
      '已拒绝，但状态码是 {answers}：返回 5xx 时 Ping++ 会在 25 小时内反复重发，应返回 401。',
    unanswered: '应用{answers}。应返回 401，不能让伪造的请求拖垮应用。',
    forgeable:
      '返回 {answers}，接收了伪造的通知：知道该 URL 的人都能伪造支付结果。请用 Ping++ 公钥校验 x-pingplusplus-signature。',
    tamperable: '返回 {answers}，接收了被篡改的通知：金额可能在途中被改。请对原始请求体验签。',
    duplicateRefused:
      '重复通知未被接收：{answers}。已处理过的事件也应返回 2xx，否则 Ping++ 最多还会重发十次。',
    effectsUnseen:
      '返回 {answers}。从外部无法判断事件处理了一次还是两次：请用 --count-url 统计处理次数，或检查数据库。',
    appliedOnce: '返回 {answers}，事件只处理了一次。',
    appliedTwice:
      '返回 {answers}，事件处理了 {times} 次。处理逻辑需要幂等：在业务事务中以事件 id 建唯一键。',
    notCounted: '返回 {answers}，但 2 秒内处理次数没有变化。统计是否包含该事件类型？',
    anyOrder:
      '返回 {answers}。从外部无法判断迟到的 sent 是否把已领取的订单改回未领取：请检查数据库。',
    orderRefused:
      '返回 {answers}。Ping++ 不保证顺序：两种事件先到哪个都应接收，不需要的类型也应返回 2xx。',
    largeRefused:
      '200 kB 的真实请求体未被接收：{answers}。请把 body parser 或代理的上限调到 256 kB。',
    formattedRefused:
      '空格与转义不同的真实请求体未被接收：{answers}。应用对重新序列化的 JSON 验签了，应对收到的原始字节验签。',
  },
} satisfies DoctorTexts

export const DOCTOR_TEXTS: Readonly<Record<'en' | 'zh', DoctorTexts>> = { en, zh }

/** What was seen, and what to do about it. */
export function writeSentence(
  sentence: keyof DoctorTexts['sentences'],
  seen: readonly Seen[],
  times: number | undefined,
  language: 'en' | 'zh',
): string {
  const { and, noAnswer, sentences } = DOCTOR_TEXTS[language]
  const answers = seen.map(({ status, failure }) => {
    if (status !== null) return String(status)
    const reason = failure && explainNoAnswer(failure.code, failure.error, language)
    return noAnswer.replace('{reason}', () => reason?.replace(/[.。]$/, '') ?? '')
  })
  return sentences[sentence]
    .replace('{answers}', () => answers.join(and))
    .replace('{times}', String(times))
}
