//! The word that someone meant.

/// The candidate that is at most a third of `word` away from it, letter case aside.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let lower = word.to_ascii_lowercase();
    candidates
        .iter()
        .map(|candidate| {
            (
                distance(&lower, &candidate.to_ascii_lowercase()),
                *candidate,
            )
        })
        .filter(|(distance, _)| *distance <= (word.len() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, in bytes.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, left_byte) in left.bytes().enumerate() {
        let mut diagonal = index;
        let mut previous = index + 1;
        for (cell, right_byte) in row.iter_mut().skip(1).zip(right.bytes()) {
            let substituted = diagonal + usize::from(left_byte != right_byte);
            diagonal = *cell;
            *cell = substituted.min(diagonal + 1).min(previous + 1);
            previous = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_near_when_at_most_a_third_of_it_differs() {
        let words = ["flags", "config", "maxPodsExpression"];
        assert_eq!(nearest("flag", &words), Some("flags"));
        assert_eq!(nearest("FLAGS", &words), Some("flags"));
        assert_eq!(
            nearest("maxPodExpresion", &words),
            Some("maxPodsExpression")
        );
        assert_eq!(nearest("taints", &words), None);
    }
}
