import Tensors

/// One choice for each item, with least total loss at no more than a total cost: the multiple-choice knapsack, solved
/// exactly (Kellerer, Pferschy and Pisinger, "Knapsack problems", 2004, chapter 11).
///
/// The states that no other state beats (cheaper and no worse) are kept item by item; one goes when even its best
/// continuation, in fractions of choices, is worse than a whole solution that is known.
public struct Allotment {
  public struct Choice: Hashable, Sendable {
    public var cost, loss: Double
    public init(cost: Double, loss: Double) { (self.cost, self.loss) = (cost, loss) }
  }

  /// For each item, which of its choices.
  public let picks: [Int]
  public let cost, loss: Double

  /// - Parameter items: the choices of each item, costs and losses finite.
  /// - Throws: where there is an item without a choice, or where even the cheapest choices cost more than `budget`.
  public init(_ items: [[Choice]], budget: Double) throws {
    for (i, choices) in items.enumerated() {
      try require(
        !choices.isEmpty && choices.allSatisfy { $0.cost.isFinite && $0.loss.isFinite }, "allot",
        "item \(i + 1) has no choice of finite cost and loss")
    }
    let search = Search(items)
    let least = search.cheapest.last ?? 0
    try require(
      least <= budget, "allot",
      "the cheapest choices cost \(least) together, more than the budget of \(budget); raise it, or offer cheaper ones"
    )
    picks = search.solve(budget)
    cost = zip(items, picks).reduce(0) { $0 + $1.0[$1.1].cost }
    loss = zip(items, picks).reduce(0) { $0 + $1.0[$1.1].loss }
  }
}

private struct Search {
  private typealias Choice = Allotment.Choice

  /// Of each item the choices that no other of it beats, by cost; with their places in the item.
  private let fronts: [[(place: Int, choice: Choice)]]
  /// From item i on: the bound for what is left of the budget.
  private let bounds: [Bound]
  /// Least cost of the first i items.
  let cheapest: [Double]

  init(_ items: [[Allotment.Choice]]) {
    let fronts = items.map(Self.front)
    self.fronts = fronts
    cheapest = fronts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1[0].choice.cost) }
    bounds = (0...fronts.count).map { Bound(fronts[$0...].map { $0.map(\.choice) }) }
  }

  private static func front(_ choices: [Choice]) -> [(place: Int, choice: Choice)] {
    let order = choices.indices.sorted { a, b in
      let (x, y) = (choices[a], choices[b])
      return (x.cost, x.loss, a) < (y.cost, y.loss, b)
    }
    var front: [(Int, Choice)] = []
    for place in order where front.last.map({ choices[place].loss < $0.1.loss }) ?? true {
      front.append((place, choices[place]))
    }
    return front.map { ($0.0, $0.1) }
  }

  private struct State {
    var cost, loss: Double
    /// Of the item before, and what was chosen for this one.
    var parent, choice: Int
  }

  func solve(_ budget: Double) -> [Int] {
    let known = greedy(budget)
    // Sums in another order differ in their last bits.
    let limit = known.loss + 1e-12 * max(1, abs(known.loss))
    let room = budget + 1e-12 * max(1, abs(budget))
    var levels: [[State]] = [[State(cost: 0, loss: 0, parent: -1, choice: -1)]]
    for (i, front) in fronts.enumerated() {
      var next: [State] = []
      for (parent, state) in levels[i].enumerated() {
        for (choice, option) in front.enumerated() {
          let (cost, loss) = (state.cost + option.choice.cost, state.loss + option.choice.loss)
          guard loss + bounds[i + 1].least(room - cost) <= limit else { continue }
          next.append(State(cost: cost, loss: loss, parent: parent, choice: choice))
        }
      }
      levels.append(Self.unbeaten(next))
    }
    guard let best = levels[fronts.count].indices.last else { return known.picks }
    return trace(levels, best)
  }

  /// Those that none beats; by cost, so that the last has the least loss.
  private static func unbeaten(_ states: [State]) -> [State] {
    var kept: [State] = []
    for state in states.sorted(by: { ($0.cost, $0.loss) < ($1.cost, $1.loss) })
    where kept.last.map({ state.loss < $0.loss }) ?? true { kept.append(state) }
    return kept
  }

  private func trace(_ levels: [[State]], _ last: Int) -> [Int] {
    var picks = [Int](repeating: 0, count: fronts.count)
    var state = last
    for i in fronts.indices.reversed() {
      picks[i] = fronts[i][levels[i + 1][state].choice].place
      state = levels[i + 1][state].parent
    }
    return picks
  }

  /// A whole solution: from the cheapest choices, the step with the most loss saved for its cost, as long as one fits.
  private func greedy(_ budget: Double) -> (picks: [Int], loss: Double) {
    var at = [Int](repeating: 0, count: fronts.count)
    var cost = cheapest[fronts.count]
    while true {
      var best: (item: Int, step: Int, rate: Double)?
      for (i, front) in fronts.enumerated() {
        for step in front.indices where step > at[i] {
          let (more, saved) = (
            front[step].choice.cost - front[at[i]].choice.cost,
            front[at[i]].choice.loss - front[step].choice.loss
          )
          if cost + more <= budget, saved / more > best?.rate ?? 0 { best = (i, step, saved / more) }
        }
      }
      guard let best else { break }
      cost += fronts[best.item][best.step].choice.cost - fronts[best.item][at[best.item]].choice.cost
      at[best.item] = best.step
    }
    let chosen = zip(fronts, at).map { $0[$1] }
    return (chosen.map(\.place), chosen.reduce(0) { $0 + $1.choice.loss })
  }
}

/// The least loss that fractions of choices reach at a cost: below that of any whole solution.
private struct Bound {
  /// Costs and losses after so many of the steps along the items' lower hulls, steepest first.
  private var costs: [Double] = [0]
  private var losses: [Double] = [0]

  init(_ items: [[Allotment.Choice]]) {
    var steps: [(cost: Double, saved: Double)] = []
    for front in items {
      costs[0] += front[0].cost
      losses[0] += front[0].loss
      let hull = Self.hull(front)
      for (a, b) in zip(hull, hull.dropFirst()) { steps.append((b.cost - a.cost, a.loss - b.loss)) }
    }
    for step in steps.sorted(by: { $0.saved * $1.cost > $1.saved * $0.cost }) {
      costs.append(costs[costs.count - 1] + step.cost)
      losses.append(losses[losses.count - 1] - step.saved)
    }
  }

  /// The corners of the convex curve below the choices.
  private static func hull(_ front: [Allotment.Choice]) -> [Allotment.Choice] {
    var hull: [Allotment.Choice] = []
    for choice in front {
      while hull.count > 1 {
        let (a, b) = (hull[hull.count - 2], hull[hull.count - 1])
        guard (a.loss - b.loss) * (choice.cost - a.cost) <= (a.loss - choice.loss) * (b.cost - a.cost) else {
          break
        }
        hull.removeLast()
      }
      hull.append(choice)
    }
    return hull
  }

  /// Infinite where the budget does not reach.
  func least(_ budget: Double) -> Double {
    guard budget >= costs[0] else { return .infinity }
    var (low, high) = (0, costs.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if costs[middle] <= budget { low = middle } else { high = middle - 1 }
    }
    guard low + 1 < costs.count else { return losses[low] }
    let share = (budget - costs[low]) / (costs[low + 1] - costs[low])
    return losses[low] - share * (losses[low] - losses[low + 1])
  }
}
