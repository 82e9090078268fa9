import CKernels

/// What happens to the gates of one step, after the matrix products, and back: as the formulas read, in double
/// precision; fp32 has its kernels. Arguments and meaning are those of `qk_f32_lstm_step` and its neighbours.
protocol RecurrentScalar: Real {
  typealias Values = UnsafePointer<Self>
  typealias Results = UnsafeMutablePointer<Self>

  static func lstmStep(
    _ rows: Int, _ n: Int, _ gates: Results, _ before: Values, _ cell: Results, _ squashed: Results,
    _ hidden: Results)
  static func lstmStepBackward(
    _ rows: Int, _ n: Int, _ gates: Values, _ before: Values, _ squashed: Values, _ dy: Values,
    _ dHidden: Values,
    _ dCell: Results, _ dGates: Results)
  static func gruStep(
    _ rows: Int, _ n: Int, _ gates: Results, _ recurrent: Results, _ before: Values, _ candidate: Results,
    _ hidden: Results)
  static func gruStepBackward(
    _ rows: Int, _ n: Int, _ gates: Values, _ candidate: Values, _ before: Values, _ dy: Values,
    _ dHidden: Results, _ dGates: Results, _ dRecurrent: Results)
}

extension Float: RecurrentScalar {
  static func lstmStep(
    _ rows: Int, _ n: Int, _ gates: Results, _ before: Values, _ cell: Results, _ squashed: Results,
    _ hidden: Results
  ) { qk_f32_lstm_step(rows, n, gates, before, cell, squashed, hidden) }

  static func lstmStepBackward(
    _ rows: Int, _ n: Int, _ gates: Values, _ before: Values, _ squashed: Values, _ dy: Values,
    _ dHidden: Values,
    _ dCell: Results, _ dGates: Results
  ) { qk_f32_lstm_step_backward(rows, n, gates, before, squashed, dy, dHidden, dCell, dGates) }

  static func gruStep(
    _ rows: Int, _ n: Int, _ gates: Results, _ recurrent: Results, _ before: Values, _ candidate: Results,
    _ hidden: Results
  ) { qk_f32_gru_step(rows, n, gates, recurrent, before, candidate, hidden) }

  static func gruStepBackward(
    _ rows: Int, _ n: Int, _ gates: Values, _ candidate: Values, _ before: Values, _ dy: Values,
    _ dHidden: Results, _ dGates: Results, _ dRecurrent: Results
  ) { qk_f32_gru_step_backward(rows, n, gates, candidate, before, dy, dHidden, dGates, dRecurrent) }
}

extension Double: RecurrentScalar {
  static func lstmStep(
    _ rows: Int, _ n: Int, _ gates: Results, _ before: Values, _ cell: Results, _ squashed: Results,
    _ hidden: Results
  ) {
    for row in 0..<rows {
      let g = gates + row * 4 * n
      for i in 0..<n {
        let at = row * n + i
        g[i] = sigmoid(g[i])
        g[n + i] = sigmoid(g[n + i])
        g[2 * n + i] = tanh(g[2 * n + i])
        g[3 * n + i] = sigmoid(g[3 * n + i])
        cell[at] = g[n + i] * before[at] + g[i] * g[2 * n + i]
        squashed[at] = tanh(cell[at])
        hidden[at] = g[3 * n + i] * squashed[at]
      }
    }
  }

  static func lstmStepBackward(
    _ rows: Int, _ n: Int, _ gates: Values, _ before: Values, _ squashed: Values, _ dy: Values,
    _ dHidden: Values,
    _ dCell: Results, _ dGates: Results
  ) {
    for row in 0..<rows {
      let (g, dg) = (gates + row * 4 * n, dGates + row * 4 * n)
      for i in 0..<n {
        let at = row * n + i
        let (input, forget, candidate, output) = (g[i], g[n + i], g[2 * n + i], g[3 * n + i])
        let (t, dh) = (squashed[at], dy[at] + dHidden[at])
        let dc = dCell[at] + dh * output * (1 - t * t)
        dg[i] = dc * candidate * input * (1 - input)
        dg[n + i] = dc * before[at] * forget * (1 - forget)
        dg[2 * n + i] = dc * input * (1 - candidate * candidate)
        dg[3 * n + i] = dh * t * output * (1 - output)
        dCell[at] = dc * forget
      }
    }
  }

  static func gruStep(
    _ rows: Int, _ n: Int, _ gates: Results, _ recurrent: Results, _ before: Values, _ candidate: Results,
    _ hidden: Results
  ) {
    for row in 0..<rows {
      let (g, r) = (gates + row * 3 * n, recurrent + row * 3 * n)
      for i in 0..<n {
        let at = row * n + i
        g[i] = sigmoid(g[i] + r[i])
        g[n + i] = sigmoid(g[n + i] + r[n + i])
        candidate[at] = r[2 * n + i]
        g[2 * n + i] = tanh(g[2 * n + i] + g[i] * candidate[at])
        hidden[at] = (1 - g[n + i]) * g[2 * n + i] + g[n + i] * before[at]
      }
    }
  }

  static func gruStepBackward(
    _ rows: Int, _ n: Int, _ gates: Values, _ candidate: Values, _ before: Values, _ dy: Values,
    _ dHidden: Results, _ dGates: Results, _ dRecurrent: Results
  ) {
    for row in 0..<rows {
      let (g, dg, dr) = (gates + row * 3 * n, dGates + row * 3 * n, dRecurrent + row * 3 * n)
      for i in 0..<n {
        let at = row * n + i
        let (reset, update, fresh) = (g[i], g[n + i], g[2 * n + i])
        let dh = dy[at] + dHidden[at]
        dg[2 * n + i] = dh * (1 - update) * (1 - fresh * fresh)
        dg[i] = dg[2 * n + i] * candidate[at] * reset * (1 - reset)
        dg[n + i] = dh * (before[at] - fresh) * update * (1 - update)
        (dr[i], dr[n + i], dr[2 * n + i]) = (dg[i], dg[n + i], dg[2 * n + i] * reset)
        dHidden[at] = dh * update
      }
    }
  }
}
