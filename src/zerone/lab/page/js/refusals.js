// Chinese translations of the server's refusals, of the names of settings, and of how an episode ended.
// A range is translated in parts; names stay as they are, because users type them.

const range = (text) => text
  .replace(/one of (.*) or module:Name/, "下列之一：$1").replace(/one of (.*)/, "下列之一：$1").replace(/some of (.*)/, "下列中的几个：$1")
  .replace(/a whole number from (\S+) to (\S+)/, "$1 到 $2 之间的整数").replace(/a number from (\S+) to (\S+)/, "$1 到 $2 之间的数")
  .replace(/a whole number/, "整数").replace(/a finite number/, "有限的数").replace(/a number, a switch or a word/, "数、开关或单词").replace(/rows of characters/, "几行字符").replace(/two numbers/, "两个数")
  .replace(/above (\S+)/, "大于 $1").replace(/at least (\S+)/, "不小于 $1").replace(/below (\S+)/, "小于 $1").replace(/at most (\S+)/, "不大于 $1")
  .replace(/ and /g, "，并且").replace(/of type int/, "整数").replace(/of type float/, "数").replace(/of type bool/, "开或关").replace(/of type str/, "文字").replace(/a name from the list/, "列表里的名字").replace(/a name/, "名字");
const meant = (text) => text.replace(/did you mean ('[^']*')\?/, "是不是 $1？").replace(/\(allowed: (.*)\)/, "（可以用：$1）").replace(/^allowed: (.*)/, "可以用：$1").replace(/the page lists all/, "页面上列出了全部");

export const REFUSALS = [
  [/^(.+?): (\w+): row (\d+), column (\d+): (.+) is not allowed: must be (.+)$/, "$1 的 $2：第 $3 行第 $4 列的 $5 不行，只能是 $6"],
  [/^(.+?): (\w+): no (\w+) \((.)\): must have .*$/, "$1 的 $2：缺少 $3（$4），必须有"],
  [/^(.+?): (\w+): (.*): a second (\w+); the first is at (.*)$/, "$1 的 $2：$3 是第二个 $4，第一个在 $5"],
  [/^the training was killed \(signal (\w+)\)$/, "训练进程被终止（信号 $1）"],
  [/^the training has ended with exit code (\d+)$/, "训练结束，退出码 $1"],
  [/^a set-up has no (.+)$/, "设置里没有 $1 这一项"],
  [/^(.+?): (\w+) = (.+) is not allowed: must be (.+) without (.+), or it would be ignored$/, (_, who, name, value, must, needs) => `${who}：${name} = ${value} 不行：没有启用 ${needs} 时必须是 ${must}，否则它不起作用`],
  [/^(.+?): (\w+) = (.+) is not allowed: must be (.+)$/, (_, who, name, value, must) => `${who}：${name} = ${value} 不行：必须是${range(must)}`],
  [/^(\w+) = (.+) is not allowed on the page: at most (\S+) \(zerone train takes more\)$/, "$1 = $2 在页面上太大：至多 $3（zerone train 可以更大）"],
  [/^(\w+) = (.+) is not allowed on the page: give it to zerone train$/, "$1 = $2 在页面上不行：请用 zerone train"],
  [/^(\w+) = (.+) is not allowed on the page: must be (.+)$/, (_, name, value, must) => `${name} = ${value} 在页面上不行：必须是${range(must)}`],
  [/^(\w+) is not allowed on the page: at most (\d+) by (\d+) cells$/, "$1 在页面上太大：最多 $2×$3 格"],
  [/^(\d+) hidden layers are not allowed on the page: at most (\d+)$/, "隐藏层 $1 层太多：页面上最多 $2 层"],
  [/^(\w+) = (.+) is not allowed: must be (.+)$/, (_, name, value, must) => `${name} = ${value} 不行：必须是${range(must)}`],
  [/^(\w+) = (.+) is not allowed: it was not trained$/, "$1 = $2 没有训练过"],
  [/^(\S+) cannot take (\S+): (.+), but its observations are (.+), actions (.+?); (?:these can: (.+)|no algorithm here can take these spaces|it can without (\S+))$/, (_, algorithm, environment, reason, seen, acts, able, setting) => `${algorithm} 不能用在 ${environment} 上：它的观测是 ${seen}，动作是 ${acts}。${able ? `可以用：${able}` : setting ? `去掉 ${setting} 就可以` : "这里没有算法适合这样的空间"}`],
  [/^(algorithm|environment) (.+) is not on the page: (.*)$/, (_, kind, name, hint) => `页面上没有${kind === "algorithm" ? "算法" : "环境"} ${name}：${meant(hint)}`],
  [/^(.+) has no setting (.+?): (.*)$/, (_, who, name, hint) => `${who} 没有设置项 ${name}：${meant(hint)}`],
  [/^(\S+) on (\S+) needs (.+) of memory for (\d+) seeds?, but there is (.+?): make smaller what is large \((.*)\)$/, "$1 在 $2 上训练 $4 个种子需要 $3 内存，而这里只有 $5：请把大的设置改小（$6）"],
  [/^(\S+) is not written in JAX: only compiled environments are on the page$/, "$1 不是用 JAX 写的：页面上只有可编译的环境"],
  [/^(\S+) is not one of Zerone's own, so it is not drawn here: see zerone watch$/, "$1 不是 Zerone 自带的环境，这里画不出来：请用 zerone watch"],
  [/^this run has code of its own, which the page does not import: see zerone watch --trust$/, "这次训练用了自己的代码，页面不会导入它：请用 zerone watch --trust"],
  [/^(.+): this run is not there: its folder was deleted or moved$/, "$1：这次训练不在了，它的文件夹已被删除或移走"],
  [/^(.+): this checkpoint is not there \(any more\)$/, "检查点 $1 不在了"],
  [/^(.+): damaged: cut short or altered, its bytes do not match its checksum$/, "$1：已损坏，不完整或被改动过，校验和不符"],
  [/^(.+): empty$/, "$1：文件是空的"],
  [/^(.+): not a checkpoint of Zerone, or damaged$/, "$1：不是 Zerone 的检查点，或已损坏"],
  [/^(.+): not a file of this run's: nothing outside of its folder is read$/, "$1：不是这次训练自己的文件，文件夹以外的东西一律不读"],
  [/^(.+): line (\d+): damaged: (\d+) cells for (\d+) columns$/, "$1：第 $2 行已损坏（$4 列，却有 $3 格）"],
  [/^(.+): line (\d+): damaged: (.*)$/, "$1：第 $2 行已损坏（$3）"],
  [/^(.+): this training is going on already$/, "$1：这次训练正在进行"],
  [/^(.+): this training has ended: it has nothing left to do$/, "$1：这次训练已经完成，没有可以继续的"],
  [/^(.+): not a training of this page: it is stopped where it was begun$/, "$1：不是从页面开始的训练，请在开始它的地方停止"],
  [/^(\d+) trainings are going on: wait for one to end, or stop one$/, "已有 $1 次训练在进行：请等一次结束，或停止一次"],
  [/^there are (\d+) sessions, and each is looked at: close a page first$/, "已有 $1 个会话，都有人在看：请先关掉一个页面"],
  [/^too many questions at once: wait for the answers$/, "一次问得太多了：请等回答"],
  [/^it has diverged: its numbers are no longer finite\. A smaller learning rate helps$/, "它发散了：数字不再有限。把学习率调小会有帮助"],
  [/^its numbers are no longer finite: this policy has diverged$/, "它的数字不再有限：这个策略已经发散"],
  [/^out of memory: choose a smaller memory, batch, network or number of environments$/, "内存不够：请把记忆、批量、网络或环境个数改小"],
  [/^nothing was played yet: there is nothing to learn from$/, "还没有玩过：没有可以学的"],
  [/^the server could not start: (.*)$/, "服务器没能启动：$1"],
  [/^there is nothing to push here, and no wind$/, "这里没有可以推的东西，也没有风"],
  [/^the explorer is in that cell now: wait until it has left, or change another one$/, "探索者正在那一格：等它离开，或改别的格子"],
  [/^a maze that changes while it is learnt keeps its size: begin in the other one$/, "边学边改的迷宫大小不能变：请在新迷宫里重新开始"],
  [/^this environment has no layout that could be changed$/, "这个环境没有可以修改的布局"],
  [/^(\d+) pushes between two updates are enough: wait for the next one$/, "两次更新之间推 $1 次就够了：请等下一次更新"],
  [/^unexpected (\w+): (.*)$/, "意外的错误 $1：$2"],
  [/^(.+): no (\w+): must have (.+)$/, "$1：缺少 $2，必须有 $3"],
  [/^(.+): cannot be written to: (.*)$/, "$1：不能写入：$2"],
];

export const ENDINGS = {
  "goal reached": "到达目标", "in hell": "掉进地狱", "treasure found": "找到宝藏", "in a hole": "掉进窟窿", "passenger delivered": "乘客送到", "goal held": "停住了目标",
  "off the track": "开出轨道", "the pole has fallen": "杆子倒了", "time is up": "时间到", ended: "结束", cut: "被截断", success: "成功", failed: "失败",
};

export const METRICS = {
  actor_q: "演员动作的 Q", clipped: "被裁剪的比例", cost: "损失", critic_loss: "评论家损失", discounted_return: "折扣回报", entropy: "熵", epsilon: "探索率 ε", explained_variance: "解释方差", kl: "KL 散度", loss: "损失",
  noise: "噪声", penalty: "惩罚", policy_loss: "策略损失", q: "平均 Q", staleness: "陈旧度", temperature: "温度", value: "平均价值", value_loss: "价值损失",
};

export const SETTING_NAMES = {
  activation: "激活函数", actor_period: "演员更新周期", averaging: "取平均", baseline: "基线", baseline_learning_rate: "基线学习率", batch: "批量大小", burn_in: "预热步数（循环网络）",
  clip: "裁剪范围", critic_learning_rate: "评论家学习率", decay_steps: "衰减步数", deviation_start: "起始标准差", discount: "折扣因子", discount_steps: "按步折扣", distributional: "分布式价值", double: "Double DQN", dueling: "对决网络", dueling_streams: "对决分支",
  entropy_bonus: "熵奖励", environments: "环境个数", epochs: "遍数", epsilon: "探索率 ε", epsilon_clock: "ε 的时钟", epsilon_end: "最终探索率 ε", epsilon_shape: "ε 下降的形状", epsilon_start: "初始探索率 ε", epsilon_steps: "ε 下降的步数",
  exploration: "探索方式", exploration_bonus: "探索奖励", gather: "汇集什么", hidden: "隐藏层", importance: "重要性指数", importance_clock: "重要性的时钟", importance_steps: "重要性上升的步数",
  kl_penalty: "KL 惩罚", kl_penalty_max: "KL 惩罚上限", kl_penalty_min: "KL 惩罚下限", kl_stop: "KL 停止值", kl_target: "KL 目标", layer_norm: "层归一化", learn_temperature: "学习温度", learning_rate: "学习率", learning_rate_end: "最终学习率", longest_episode: "最长回合",
  loss: "损失函数", max_gradient_norm: "梯度范数上限", memory: "记忆容量", minibatches: "小批量个数", n_steps: "n 步", network: "网络", noise_clock: "噪声的时钟", noise_end: "最终噪声", noise_pull: "噪声的回归速率", noise_shape: "噪声下降的形状", noise_start: "初始噪声", noise_steps: "噪声下降的步数",
  normalize: "归一化", normalize_advantages: "优势归一化", normalize_observations: "观测归一化", normalize_rewards: "奖励归一化", objective: "目标函数", optimizer: "优化器", planning_steps: "规划步数",
  prioritized: "优先回放", priority_exponent: "优先级指数", priority_floor: "优先级下限", priority_limit: "优先级上限", quantiles: "分位数个数", rmsprop_decay: "RMSProp 衰减", sequence: "序列长度", steps_per_update: "每次更新的步数", target_entropy: "目标熵", target_noise: "目标噪声", target_noise_limit: "目标噪声上限", target_period: "目标网络更新周期", target_step: "目标网络步长 τ",
  temperature: "温度", trace: "资格迹", trace_decay: "迹的衰减 λ", updates: "更新次数", value_cost: "价值损失权重", visits: "访问方式", warmup: "开始学习前的步数", warmup_actions: "预热动作", weight_decay: "权重衰减", workers: "工作者个数",
  reward: "奖励", layout: "布局", limit: "时限", observe: "观测方式", mode: "模式", hell_reward: "地狱的奖励", goal_reward: "目标的奖励", step_reward: "每步的奖励",
};
