// The texts of the page in English and Chinese. Meanings of settings are in `meanings.js`.

const WORDS = {
  learn: ["Learn", "学习"], compare: ["Compare", "对比"], chapters: ["Chapters", "章节"],
  skip: ["Skip to the content", "跳到正文"],
  starting: ["Starting: loading the library. This takes about three seconds.", "正在启动：加载计算库，大约需要三秒。"],
  connecting: ["Connecting …", "正在连接……"],
  compiling: ["Compiling this training", "正在编译这次训练"],
  compilingWhy: ["Once per set-up; then every step is quick.", "每种设置只需一次，之后每一步都很快。"],
  lost: ["The connection is lost. Trying again …", "连接已断开，正在重新连接……"],
  refusedServer: ["The server was started again: open the address that it has printed.", "服务器已重新启动：请打开它新打印的地址。"],
  failed: ["This training has failed", "这次训练出错了"], refused: ["This cannot be trained", "无法这样训练"],
  setup: ["Set-up", "设置"], algorithm: ["Algorithm", "算法"], environment: ["Environment", "环境"], seed: ["Seed", "随机种子"],
  seedText: ["The same seed gives the same training, to the last bit.", "同一个种子，训练结果逐位相同。"],
  fits: ["For this algorithm", "适合这个算法"], unfit: ["Not for this algorithm", "不适合这个算法"],
  more: ["More settings", "更多设置"], begin: ["Begin again", "重新开始"], beginWith: ["Begin with these", "按此设置开始"], defaults: ["Defaults", "默认值"],
  needs: ["only with", "仅当启用"],
  step: ["Step", "一步"], back: ["Back", "后退"], update: ["Update", "一次更新"], episode: ["Episode", "一个回合"], change: ["Change", "下次变化"],
  start: ["To the start", "回到开头"], play: ["Play", "播放"], pause: ["Pause", "暂停"], speed: ["Speed", "速度"],
  perSecond: ["steps/s", "步/秒"], onePer: ["1 step per 2 s", "每 2 秒 1 步"], full: ["full speed", "全速"],
  episodeHint: ["To the end of the episode", "到这个回合结束"], changeHint: ["To the next change of the policy", "到策略下一次变化"],
  updateHint: ["To the next update", "到下一次更新"], stepHint: ["One step", "走一步"], backHint: ["One step back", "退一步"],
  steps: ["Step", "步数"], episodeNumber: ["Episode", "回合"], stepOf: ["step", "第"], stepOfEnd: ["", "步"], return: ["Return", "回报"], epsilon: ["Exploration ε", "探索率 ε"],
  updates: ["Updates", "更新次数"], environments: ["environments, this is the first", "个环境，这是第一个"],
  layerValues: ["Values", "数值颜色"], layerArrows: ["Best actions", "最佳动作"], layerNumbers: ["Numbers", "数字"], layerFootprints: ["Traces", "资格迹"],
  happened: ["What happened", "发生了什么"], state: ["State S", "状态 S"], action: ["Action A", "动作 A"], reward: ["Reward R", "奖励 R"], next: ["Next state S′", "下一状态 S′"],
  explored: ["explored", "探索"], greedy: ["greedy", "贪心"], terminated: ["the episode ended", "回合结束"], truncated: ["cut by the time limit", "到时限，被截断"],
  nothingYet: ["Nothing has happened yet. Press Play, or Step.", "还没有开始。按“播放”或“一步”。"],
  learnt: ["What was learnt", "学到了什么"], learntNothing: ["Nothing is learnt from this step yet.", "这一步还没有学到东西。"],
  notNow: ["Not at this speed.", "这个速度下不显示。"],
  tooFast: ["Too fast to read: pause, or choose at most 30 steps per second, and each update is shown with its numbers.", "太快了，来不及看：暂停，或把速度调到每秒 30 步以内，就能看到每次更新的数字。"],
  inBlock: ["The update comes after {n} more steps.", "再走 {n} 步才更新。"],
  sourceStep: ["From this step", "来自这一步"], sourceWaiting: ["From the step before, now that its next action is known", "来自上一步：现在知道了它的下一个动作"],
  sourceModel: ["From an imagined step", "来自想象的一步"], sourceEpisode: ["From the episode that has ended", "来自刚结束的回合"],
  target: ["target", "目标"], error: ["error", "误差"], changed: ["Changed", "变化"], unchanged: ["No entry has changed.", "没有任何表项变化。"],
  andMore: ["and {n} more", "另有 {n} 个"], trace: ["trace", "迹"], measured: ["This update measured", "这次更新的测量值"],
  barsS: ["Value Q of each action in S", "状态 S 中各动作的价值 Q"], barsQ: ["Value Q of each action here", "此处各动作的价值 Q"], barsPi: ["Probability of each action here", "此处各动作的概率"],
  surface: ["Value of every state", "每个状态的价值"], position: ["position", "位置"], velocity: ["velocity", "速度"], angle: ["angle", "角度"],
  chartReturn: ["Return per episode", "每回合的回报"], chartLength: ["Steps per episode", "每回合的步数"], chartLoss: ["Per update", "每次更新"],
  recentMean: ["recent mean", "近期平均"],
  overEpisodes: ["episodes", "回合"], overSteps: ["steps", "步数"], noEpisode: ["No episode has ended yet.", "还没有回合结束。"], noUpdate: ["Nothing has been measured yet.", "还没有测量值。"],
  searchingEpisode: ["Looking for the end of the episode …", "正在走到回合结束……"], searchingChange: ["Looking for the next change …", "正在寻找下一次变化……"],
  missedEpisode: ["No episode ends within the next 200,000 steps.", "之后 20 万步内没有回合结束。"], missedChange: ["Nothing changes within the next 200,000 steps: it has learnt what there is to learn.", "之后 20 万步内没有任何变化：该学的已经学完了。"],
  editMaze: ["Change the maze", "修改迷宫"], beginMaze: ["Begin in this maze", "在这个迷宫里开始"], editHint: ["Click a cell, or go there with the arrow keys and press Enter.", "点击格子，或用方向键移过去再按回车。"],
  toolWall: ["Wall", "墙"], toolHell: ["Hell", "地狱"], toolGoal: ["Paradise", "天堂"], toolStart: ["Start", "起点"], toolFloor: ["Floor", "空地"],
  keys: ["Keys", "快捷键"], keyPlay: ["play, pause", "播放、暂停"], keyStep: ["a step, a step back", "前进一步、后退一步"], keyMore: ["update, episode, change", "更新、回合、变化"], keySpeed: ["faster, slower", "加快、减慢"], keyStart: ["to the start", "回到开头"], space: ["space", "空格"],
  dark: ["Dark page", "深色页面"], light: ["Light page", "浅色页面"], language: ["中文", "English"],
  compareTitle: ["Side by side, on one clock", "并排对比，同步前进"],
  compareText: ["Two to four set-ups with the same seed that differ in one thing.", "两到四个设置，种子相同，只有一处不同。"],
  differ: ["What differs", "不同之处"], value: ["Value", "取值"], add: ["Add", "增加"], remove: ["Remove", "移除"], beginCompare: ["Begin", "开始"], compareEmpty: ["Nothing runs yet", "还没有开始"], compareEmptyText: ["Choose what differs, and press Begin: all of them learn side by side, step for step.", "选好不同之处，按“开始”：它们一步一步地并排学习。"],
  chapterNumber: ["Chapter {n}", "第 {n} 章"], answer: ["The answer", "答案"], loopLabel: ["The loop of agent and environment; this chapter is about: {names}", "智能体与环境的循环；这一章讲的是：{names}"],
  boxEnvironment: ["Environment", "环境"], boxPolicy: ["Choose", "选动作"], boxValues: ["Values", "价值"], boxMemory: ["Memory", "记忆"], boxUpdate: ["Update", "更新"], boxModel: ["Model", "模型"],
  open: ["Open", "打开"], question: ["Before you press Play", "播放之前先想一想"], nextTry: ["What to change next", "接下来改什么"], allChapters: ["All chapters", "全部章节"],
  codeOf: ["The code of the update", "更新的代码"], measuredClaim: ["The claim, measured with many seeds: {verdict}", "用许多种子检验这条主张：{verdict}"],
  recordedRun: ["Recorded run", "训练记录"], atStep: ["step {at}", "第 {at} 步"], filmsOf: ["A whole episode: before, early and at the end", "完整的一个回合：训练前、初期与结束时"], commands: ["Step through it yourself, as far as you like", "自己动手，想走多远就走多远"],
  picture: ["The environment, and what the agent has learnt of it", "环境，以及智能体学到的东西"],
  live: ["Step {at}, episode {episode}, return {total}.", "第 {at} 步，第 {episode} 回合，回报 {total}。"],
  on: ["on", "开"], off: ["off", "关"], of: ["of", "/"], samples: ["The first {n} of {all} samples", "{all} 个样本中的前 {n} 个"], allSamples: ["All samples", "全部样本"],
  descent: ["Drawn at {aim} of {total} in the sum tree: slot {slot}, priority {priority}. From the root down:", "在求和树里 {total} 的 {aim} 处抽到：第 {slot} 格，优先级 {priority}。从根往下："],
  decision: ["How the action was chosen", "动作是凭什么选的"], meanAction: ["the actor's action", "演员的动作"],
  runs: ["Runs", "记录"], play_: ["Play", "亲自玩"], arm: ["Arm", "手臂"],
  run: ["Run", "训练"], runState: ["State", "状态"], seedsOf: ["Seeds", "种子"], lastReturn: ["Return", "回报"], changedAt: ["Changed", "更新于"], choose: ["Compare", "选来对比"], filter: ["Filter by name", "按名字筛选"],
  seeds: ["seeds", "个种子"], running: ["running", "训练中"], finished: ["finished", "已完成"], stopped: ["stopped", "已停止"], damaged: ["damaged", "已损坏"], failedRun: ["failed", "出错"],
  beginning: ["beginning …", "正在开始……"], noRuns: ["No runs here yet", "这里还没有训练记录"], noRunsText: ["This page shows every run folder below {root}.", "这一页列出 {root} 下的所有训练文件夹。"], toLearn: ["To Learn: set one up, and train it as a run →", "去“学习”页：设好参数，训练成一条记录 →"],
  noneFits: ["No run has that in its name.", "没有名字匹配的训练。"], reading: ["Reading the run", "正在读取这次训练"], toList: ["All runs", "全部训练"], difference: ["Compare the two →", "对比这两个 →"], differenceOf: ["What differs", "不同之处"], noDifference: ["They were trained with the same settings.", "两次训练的设置完全相同。"],
  resume: ["Resume", "继续训练"], stop: ["Stop", "停止"], stepThrough: ["Step through it", "逐步重看"], save: ["Save:", "保存："], saveHtml: ["one HTML file", "单个 HTML 文件"], savePolicy: ["the policy (.npz)", "策略（.npz）"], saveCsv: ["the table (.csv)", "数据表（.csv）"],
  settings: ["Settings", "设置项"], allSettings: ["All settings", "全部设置"], allDefault: ["All settings are the defaults.", "所有设置都是默认值。"],
  film: ["Film of a checkpoint", "检查点的视频"], checkpoint: ["Checkpoint", "检查点"], untrained: ["untrained", "未训练"], best: ["the best", "最佳"], afterSteps: ["step {n}", "第 {n} 步"], frame: ["Place in the film", "视频中的位置"], chartEvaluation: ["Return in evaluations", "评估时的回报"],
  secondsAgo: ["{n} s ago", "{n} 秒前"], minutesAgo: ["{n} min ago", "{n} 分钟前"], hoursAgo: ["{n} h ago", "{n} 小时前"], daysAgo: ["{n} d ago", "{n} 天前"],
  trainRun: ["Train as a run …", "训练成一条记录……"], trainSteps: ["Steps", "步数"], trainSeeds: ["Number of seeds", "种子个数"], trainBegin: ["Train", "开始训练"], trainText: ["It goes on without this page, and is kept in a folder.", "关掉页面也会继续，并保存在一个文件夹里。"],
  distance: ["Finger to goal", "指尖到目标"], held: ["Steps on the goal", "停在目标上的步数"], who: ["Who turns", "谁在转动"], delay: ["Mouse to picture", "鼠标到画面"], you: ["you", "你"], policy: ["the policy", "策略"],
  armTitle: ["A policy of a few kilobytes", "只有几 kB 的策略"], armText: ["Point anywhere: the goal goes there, and the arm follows. A network of 1,378 numbers says thirty times a second how fast each joint turns.", "指向任意位置：目标就到那里，手臂跟着走。一个只有 1,378 个数的网络，每秒三十次决定两个关节各转多快。"],
  armPolicy: ["It was trained by PPO on zerone/ArmHard-v0, with our preset, on goals that lay still, in the inner square only. That it follows a goal that moves was not taught.", "它由 PPO 用预设参数在 zerone/ArmHard-v0 上训练，目标固定不动，而且只在中间的方块里。跟随移动的目标，没有人教过它。"],
  armTry: ["Try: move fast; go out of reach; go round in circles; turn a joint by hand and let go.", "试试：快速移动；移到够不着的地方；绕圈；用手转一下关节再松开。"],
  armHint: ["The goal follows the mouse or a finger. Hold the arrow keys to turn the joints yourself: ↑ ↓ upper arm, ← → forearm.", "目标跟随鼠标或手指。按住方向键可以自己转动关节：↑ ↓ 上臂，← → 前臂。"], armSeen: ["The finger is {distance} pixels from the goal.", "指尖离目标 {distance} 像素。"],
  key_up: ["up", "上"], key_down: ["down", "下"], key_left: ["left", "左"], key_right: ["right", "右"],
  playAgain: ["Another episode", "另开一个回合"], playWaits: ["Press an arrow key, or click where you want to go.", "按方向键，或点击想去的格子。"], playBegins: ["It begins when you press an arrow key, or hold the mouse on the picture.", "按方向键，或在画面上按住鼠标，就开始。"], anyKey: ["any key: again", "按任意键再来"],
  agentAlone: ["the agent, learning by itself", "自己学习的智能体"], teachTitle: ["Learn from me", "跟我学"], teach: ["Learn from me", "跟我学"], teachText: ["An agent learns from what you have played, and from nothing else. It sees no step of its own until it plays beside you.", "一个智能体只从你玩过的步骤里学习。在它到你旁边玩之前，自己一步也没有走过。"],
  recorded: ["Played so far: episodes {episodes}, steps {steps}.", "你玩了 {steps} 步，开始过 {episodes} 个回合。"], nothingPlayed: ["You have played nothing yet.", "你还没有玩过。"], learning: ["It learns from you …", "正在跟你学……"], hasLearnt: ["From {episodes} episodes of yours it gets {mean}, the mean of {of} episodes. Here it plays:", "跟你学了 {episodes} 个回合后，它在 {of} 个回合里平均得到 {mean}。这是它在玩："], seeRun: ["Its run, with all curves →", "它的训练记录和曲线 →"], besideSeen: ["The agent that learnt from you: step {length}, return {total}.", "跟你学的智能体：第 {length} 步，回报 {total}。"],
  lookAhead: ["Look ahead", "往前看"], lookNone: ["no", "不看"], lookSteps: ["{n} steps", "{n} 步"], lookStep: ["1 step", "1 步"], lookAll: ["All futures", "所有未来"], lookTree: ["Tree search", "树搜索"], lookSimulations: ["{n} simulations", "{n} 次模拟"],
  lookText: ["What would follow each action, by the environment itself and the values learnt so far. Learning does not change.", "每个动作之后会怎样：用环境本身和目前学到的价值推算。学习不受影响。"],
  lookTreeText: ["Monte Carlo tree search: N simulations have tried the action, more often the better it looked; below it is its value. Learning does not change.", "蒙特卡洛树搜索：N 是试过这个动作的模拟次数，看起来越好试得越多；动作下面是它的价值。学习不受影响。"],
  futuresWay: ["Best way found, {n} steps: {way}", "找到的最好走法，共 {n} 步：{way}"], futuresUntried: ["{value} as it was learnt; no simulation went there", "{value}，是学到的价值；没有模拟走过这里"], comma: [", ", "，"],
  futuresSeen: ["Looking ahead, {action} is best: {value}.", "往前看，最好的是 {action}：{value}。"], futuresMean: ["{value}, the mean of {n} outcomes", "{value}，{n} 种结果的平均"], futuresEnd: ["{value}, then the episode ends", "{value}，之后回合结束"],
  disturb: ["While it learns", "学习过程中"], pushLeft: ["Push left", "向左推"], pushRight: ["Push right", "向右推"], wind: ["Wind", "风"], changeMaze: ["Change it while it learns", "边学边改"], changing: ["Changing the environment", "正在改变环境"],
};

// Inside a frame of another site there may be no storage.
const storage = { get: (name) => { try { return localStorage.getItem(name); } catch { return null; } }, set: (name, value) => { try { localStorage.setItem(name, value); } catch { /* it is chosen for this visit only */ } } };

let language = storage.get("zerone-language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");

export const isChinese = () => language === "zh";

export function setLanguage(chosen) {
  language = chosen;
  storage.set("zerone-language", chosen);
  document.documentElement.lang = chosen === "zh" ? "zh-CN" : "en";
}

export function t(name, values = {}) {
  const found = WORDS[name];
  if (!found) return name;
  return found[isChinese() ? 1 : 0].replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

// A text that the server sends in both languages.
export const either = (both) => both[isChinese() ? "zh" : "en"];
