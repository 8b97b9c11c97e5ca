//! Many calls at once, though not so many that the service throttles them.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::aws;

/// How many calls of one sort are under way at once.
const AT_ONCE: usize = 8;

/// Makes one call for each item; the answers come in the order of the items. The first error ends all.
pub(super) async fn each<Item, Answer, Failure, Call, Answering>(
    action: &'static str,
    items: Vec<Item>,
    call: Call,
) -> Result<Vec<Answer>, Failure>
where
    Call: Fn(Item) -> Answering,
    Answering: Future<Output = Result<Answer, Failure>> + Send + 'static,
    Answer: Send + 'static,
    Failure: From<aws::Error> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut asked = JoinSet::new();
    for (index, item) in items.into_iter().enumerate() {
        let (answering, permits) = (call(item), Arc::clone(&permits));
        asked.spawn(async move {
            let _permit = permits.acquire().await;
            answering.await.map(|answer| (index, answer))
        });
    }
    let mut answers = Vec::new();
    while let Some(answer) = asked.join_next().await {
        let answer = answer.map_err(|source| aws::Error::Unanswered {
            action,
            object: "one of several things".to_owned(),
            source: Box::new(source),
        })?;
        answers.push(answer?);
    }
    answers.sort_by_key(|(index, _)| *index);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(object: &str) -> aws::Error {
        aws::Error::Refused {
            action: "ec2:DescribeVpcs",
            object: object.to_owned(),
            code: "X".to_owned(),
            message: String::new(),
        }
    }

    #[tokio::test]
    async fn answers_come_in_the_order_of_the_questions() {
        let answers = each("x:Y", (0..20).collect(), |item| async move {
            // The later ones are ready first.
            for _ in item..20 {
                tokio::task::yield_now().await;
            }
            Ok::<_, aws::Error>(item)
        });
        assert_eq!(answers.await.unwrap(), (0..20).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn an_error_ends_all() {
        let answers = each("x:Y", vec!["a", "b"], |item| async move {
            if item == "b" {
                Err(refused(item))
            } else {
                Ok(())
            }
        });
        assert_eq!(answers.await.unwrap_err().code(), Some("X"));
    }
}
