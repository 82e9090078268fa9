import Tensors
import Testing

@testable import Compression

@Suite struct AllotmentTests {
  private func items(seed: UInt64, count: Int, choices: Int, whole: Bool) -> [[Allotment.Choice]] {
    var generator = Generator(seed: seed)
    func number() -> Double { whole ? Double(generator.index(below: 12)) : generator.uniform() }
    return (0..<count).map { _ in
      (0..<1 + generator.index(below: choices)).map { _ in Allotment.Choice(cost: number(), loss: number()) }
    }
  }

  /// The least loss of all combinations.
  private func byTrying(_ items: [[Allotment.Choice]], _ budget: Double) -> Double? {
    var combinations: [(cost: Double, loss: Double)] = [(0, 0)]
    for choices in items {
      combinations = combinations.flatMap { sum in
        choices.map { (sum.cost + $0.cost, sum.loss + $0.loss) }
      }
    }
    return combinations.filter { $0.cost <= budget }.map(\.loss).min()
  }

  @Test(arguments: 0..<60 as Range<UInt64>)
  func findsWhatTryingAllFinds(seed: UInt64) throws {
    let whole = seed % 2 == 0
    let items = items(seed: seed, count: 6, choices: 5, whole: whole)
    let most = items.reduce(0) { $0 + ($1.map(\.cost).max() ?? 0) }
    for share in [0.1, 0.3, 0.5, 0.7, 1] {
      let budget = share * most
      guard let expected = byTrying(items, budget) else {
        #expect(throws: ShapeError.self) { try Allotment(items, budget: budget) }
        continue
      }
      let found = try Allotment(items, budget: budget)
      #expect(abs(found.loss - expected) < 1e-9)
      #expect(found.cost <= budget + 1e-9)
      #expect(zip(items, found.picks).allSatisfy { $0.indices.contains($1) })
    }
  }

  @Test func takesALargeProblem() throws {
    let items = items(seed: 9, count: 120, choices: 7, whole: false)
    let budget = items.reduce(0) { $0 + ($1.map(\.cost).min() ?? 0) } + 12
    let found = try Allotment(items, budget: budget)
    #expect(found.cost <= budget)
    // No single change makes it better.
    for (i, choices) in items.enumerated() {
      for choice in choices where choice.loss < choices[found.picks[i]].loss {
        #expect(found.cost - choices[found.picks[i]].cost + choice.cost > budget)
      }
    }
  }

  @Test func saysThatTheBudgetIsTooSmall() throws {
    let items = [[Allotment.Choice(cost: 3, loss: 1)], [Allotment.Choice(cost: 4, loss: 0)]]
    let error = #expect(throws: ShapeError.self) { try Allotment(items, budget: 6) }
    #expect(
      error?.description
        == "allot: the cheapest choices cost 7.0 together, more than the budget of 6.0; raise it, or offer cheaper ones"
    )
    let none = #expect(throws: ShapeError.self) { try Allotment([[]], budget: 6) }
    #expect(none?.description == "allot: item 1 has no choice of finite cost and loss")
    #expect(try Allotment([], budget: 0).picks.isEmpty)
  }
}
