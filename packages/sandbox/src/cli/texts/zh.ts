import type { Texts } from './texts.ts'
import { refuseInChinese } from './zh-refusals.ts'

export const zh: Texts = {
  language: 'zh',
  error: '错误：',
  warning: '警告：',
  sandbox: '沙箱',
  unknownName: (kind, given, near, names) => {
    const KINDS = { command: '未知命令 ', option: '未知选项 ' } as const
    const what =
      kind === 'command' || kind === 'option'
        ? `${KINDS[kind]}${given}`
        : `${kind} 的值“${given}”无效`
    const hint = near === undefined ? `可用：${names.join('、')}。` : `是否想输入 ${near}？`
    return `${what}。${hint}详见 --help。`
  },
  optionNeedsValue: (option) => `缺少选项的值：${option}。`,
  optionTakesNoValue: (option) => `${option} 不接受值。`,
  wrongOption: (option, given, expected) => `${option} 的值“${given}”无效，应为${expected}。`,
  missingWord: (word, path) => `缺少参数 ${word}。用法：hongbao-sandbox help ${path}`,
  wrongId: (word, given) => `${word} 的值“${given}”不是有效的 id。`,
  extraWord: (word, path) => `多余的参数“${word}”。用法：hongbao-sandbox help ${path}`,
  expected: {
    whole: '整数',
    number: '数字',
    count: ' 1 到 999,999 的整数',
    unixTime: '以秒为单位的 Unix 时间',
    duration: '数字加单位：500ms、90s、10m、25h、1d、1h30m',
    sandboxUrl: ' URL 或端口号：http://127.0.0.1:4141、localhost:4141、4141',
    clock: ' real、virtual 或大于 0 的数字',
    change: '字段和值：amount=500、extra.send_name=红包',
    attempts: '数字或范围：2、1..3',
    times: '整数或 always',
    match: ' type、envelope、order-no 或 operation 加“=”和值：type=red_envelope.sent',
    requestTarget: '实际发送的路径和查询串：/v1/red_envelopes?limit=3',
  },
  noBody: '没有请求体。请指定文件，或通过管道输入。',
  noType: '缺少事件类型。查看全部类型：hongbao-sandbox trigger --list',
  envelopeTwice: '--envelope 和 --order-no 只能二选一。',
  noField: (name, type, names) =>
    `--set ${name}：${type} 的 \`data.object\` 没有该字段。可用字段：${names}。`,
  noMember: (name) => `--set ${name}：该字段不是对象，不能设置其成员。`,
  setMustBe: (name, kind) => `--set ${name} 应为${kind}。`,
  orderNoDigits: '--set order_no 应为 1 到 28 位数字，红包的商户订单号均如此。',
  valueKinds: {
    integer: '整数',
    number: '数字',
    boolean: ' true 或 false',
    list: ' JSON 数组',
    object: ' JSON 对象',
    text: '字符串',
  },
  onlyForward: '时钟只能向前拨。要恢复为当前时间：hongbao-sandbox reset（同时会清空事件和红包）。',
  noFolder: (directory) => `${directory} 不存在。请在启动沙箱的目录运行，或用 --dir 指定其目录。`,
  otherKey: (directory) =>
    `沙箱签名用的密钥与 ${directory} 中的不同。请用 --dir 指定启动沙箱时的目录。`,
  oneKey: '请在 --public、--merchant-public、--merchant-private、--api-key 中选择一个。',
  noKey: (directory) => `${directory} 中没有密钥。请用 --key 指定密钥，或用 --dir 指定目录。`,
  noSignature: '缺少签名。请用 --signature 或 --signature-file 指定。',
  fileErrors: {
    ENOENT: (path) => `${path} 不存在。`,
    EACCES: (path) => `${path} 没有读写权限。`,
    EISDIR: (path) => `${path || '该路径'} 是目录，不是文件。`,
    ENOTDIR: (path) => `${path} 不可用：路径中有一部分不是目录。`,
  },
  unreachable: (url) =>
    `${url} 没有沙箱应答。启动沙箱：npx hongbao-sandbox start。若在其他地址：--url 或 HONGBAO_SANDBOX_URL。`,
  noSandbox: (url) =>
    `${url} 上运行的不是沙箱。启动沙箱：npx hongbao-sandbox start。若在其他地址：--url 或 HONGBAO_SANDBOX_URL。`,
  otherVersion: (url) => `${url} 上的沙箱与本命令版本不同，请安装同一版本。`,
  ended: (url) =>
    `${url} 上的沙箱已经结束。启动沙箱：npx hongbao-sandbox start。使用其他沙箱：--url。`,
  silent: (url, pid) =>
    `本项目的沙箱（${url}）没有应答。进程 ${pid} 仍在运行：可能是沙箱无响应，也可能是复用了该进程号的其他程序。启动新的沙箱：npx hongbao-sandbox start。使用其他沙箱：--url。`,
  foreign: (url, file) =>
    `${url} 上的沙箱不是本项目启动的（见 ${file}）。在本项目启动：npx hongbao-sandbox start。仍要使用：--url ${url}。`,
  foreignDefault: (url) =>
    `${url} 上的沙箱与本项目的密钥不同，可能属于其他项目。在本项目启动：npx hongbao-sandbox start。仍要使用：--url ${url}。`,
  notChanged: (url, directory) =>
    `未做任何改动：本项目没有启动过沙箱（${directory} 中没有密钥），${url} 上的沙箱可能属于其他项目。在本项目启动：npx hongbao-sandbox start。仍要使用：--url ${url}。`,
  guessed: (url) => `本项目没有启动过沙箱，当前使用 ${url} 上的沙箱，可能属于其他项目。`,
  timedOut: (duration) => `等待 ${duration} 后超时。可用 --timeout 调整。`,
  refusal: refuseInChinese,
  banner: {
    noMoney: '仅供开发，不涉及真实资金',
    checked: '校验签名',
    unchecked: '不校验签名；加上 --request-signatures strict 开启',
    next: '接下来',
    setTarget: ['target set http://localhost:3000/webhooks', '把通知发给你的应用'],
    steps: [
      ['env --sdk node', '让代码连接沙箱'],
      ['trigger red_envelope.sent --wait', '发送一条通知'],
      ['open', '在浏览器中查看'],
    ],
  },
  headings: {
    url: '地址',
    inspector: '网页界面',
    target: '接收地址',
    clock: '时钟',
    key: '密钥',
    requests: '请求',
    events: '事件',
    envelopes: '红包',
    faults: '故障',
    version: '版本',
    id: 'ID',
    type: '类型',
    status: '状态',
    attempts: '投递',
    order: '订单号',
    envelope: '红包',
    created: '创建时间',
    signature: '签名',
    next: '下次投递',
    fingerprint: '指纹',
  },
  noTarget: '未设置：通知只保留、不发送（hongbao-sandbox target set <url>）',
  keptUnsent:
    '没有接收地址，通知已保留、未发送。设置：hongbao-sandbox target set http://localhost:3000/webhooks',
  portTaken: (port) => `端口 ${port} 已被占用，改用下一个空闲端口；--strict-port 可改为报错。`,
  openToNetwork: (host) => `沙箱监听 ${host}：能访问本机的任何人都可以查看和控制沙箱，无需密码。`,
  otherRunning: (url) =>
    `本目录已有沙箱在 ${url} 运行。之后在此运行的命令使用新沙箱；--url ${url} 使用原来的。`,
  speed: (speed) => (speed === 1 ? '真实时间' : speed === 0 ? '虚拟时钟' : `${speed} 倍速`),
  clockNow: (time, speed) => `本地时间 ${time}，${speed}。`,
  nextDelivery: (duration, more) =>
    `下一次投递在 ${duration} 后${more > 0 ? `，之后还有 ${more} 次` : ''}。`,
  nextOther: (duration) => `下一个红包过期或退款在 ${duration} 后（clock next --any）。`,
  noDelivery: '没有计划中的投递。',
  nothingScheduled: '没有待执行的任务。',
  timersRan: (count) => `已执行 ${count} 个任务。`,
  clockAhead: (lead, leadMs) =>
    `沙箱时钟比本机快 ${lead}，使用本机时钟的应用会拒绝其事件（403，event-from-future）。请让应用使用沙箱时钟：createWebhooks({ now: sandbox.clock.now })，其他进程可用 { now: () => Date.now() + ${leadMs} }。恢复为当前时间：hongbao-sandbox reset。`,
  wasReset: '已重置',
  rotated: '运行中的沙箱仍使用原来的密钥，请重新启动。',
  noEvents: '没有事件。',
  noEnvelopes: '没有红包。',
  noFaults: '没有生效中的故障。',
  firedTimes: (count) => `已触发 ${count} 次`,
  notOpened: '无法启动浏览器，请手动打开该地址。',
  valid: '有效',
  invalid: '无效',
  eventStatus: {
    pending: '待投递',
    delivered: '已送达',
    exhausted: '已放弃',
    undelivered: '未发送',
  },
  kinds: { scheduled: '计划投递', duplicate: '重复投递', manual: '手动重发' },
  requestSignature: {
    valid: '签名有效',
    invalid: '签名无效',
    absent: '无签名',
    unchecked: '未校验签名',
  },
  order: (orderNo) => `订单 ${orderNo}`,
  fault: (names) => `故障：${names}`,
  kept: '已保留，未设置接收地址',
  held: (duration) => `推迟 ${duration}`,
  heldUntilAnother: (duration) => `推迟到另一条通知发出之后，最多 ${duration}`,
  attemptIn: (n, duration) => `${duration} 后第 ${n} 次投递`,
  attemptCancelled: (n) => `第 ${n} 次投递已取消`,
  delivered: (attempts) => (attempts === 1 ? '已送达' : `投递 ${attempts} 次后送达`),
  exhausted: (attempts) => `投递 ${attempts} 次后放弃`,
  noAnswer: '无应答',
  signedWith: {
    webhook: (directory) => `请求体无误，但签名用的是 ${directory} 中的 Webhook 密钥。`,
    merchant: () => '请求体无误，但签名用的是商户密钥，该密钥用于请求签名。',
    previous: (directory) => `请求体无误，但签名用的是 ${directory} 轮换前的 Webhook 密钥。`,
  },
  signatureCauses: {
    lineBreak: '请求体末尾多了换行符，编辑器和 `echo` 会自动添加。',
    byteOrderMark: '请求体开头多了 BOM，有些编辑器会自动添加。',
    latin1: '请求体按 latin1 读取，又按 UTF-8 写出。',
    serialised: '请求体被解析后又重新序列化，不再是签名的原文。',
    unknown:
      '可能是其他密钥签的名（公钥应为 Ping++ 公钥，而不是商户自己的公钥），或请求体已被改动。',
  },
  install: {
    bash: '添加到 ~/.bashrc：source <(hongbao-sandbox completion bash)',
    zsh: '添加到 ~/.zshrc 的 compinit 之后：source <(hongbao-sandbox completion zsh)',
    fish: '保存：hongbao-sandbox completion fish > ~/.config/fish/completions/hongbao-sandbox.fish',
  },
  noDoctorTarget: '请指定应用：--target http://localhost:3000/webhooks',
  noCount: (url) => `${url} 没有返回数字。该页面应返回应用已处理的事件数。`,
  doctorSummary: (passed, failed) =>
    failed === 0 ? '没有未通过的检查。' : `${passed + failed} 项检查中有 ${failed} 项未通过。`,
}
